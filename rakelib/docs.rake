# frozen_string_literal: true

namespace :docs do
  desc "Write the settings of the code into docs/configuration.md"
  task(configuration: :compile) { ruby "-Ilib", "-r./rakelib/settings_table", "-e", "SettingsTable.write" }
end
