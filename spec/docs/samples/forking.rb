# frozen_string_literal: true

# The samples belong to a worker, so they run in a forked child.
connect "/service/"
child = fork
if child
  Process.wait(child)
  exit!(0)
end
