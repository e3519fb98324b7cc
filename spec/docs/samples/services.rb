# frozen_string_literal: true

require "socket"

connect "/service/"

# What the reader's application does with an address.
def call(address) = address

# Something of the reader's that can die.
class Worker
  def alive? = true
end
