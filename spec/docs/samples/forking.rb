# frozen_string_literal: true

# The samples are of a worker: they run in a forked child.
connect "/service/"
child = fork
if child
  Process.wait(child)
  exit!(0)
end
