# frozen_string_literal: true

require "socket"

connect "/service/"

# What the reader's application does with an address.
def call(address) = address

# A part of the reader's application that can die.
class Worker
  def alive? = true
end
