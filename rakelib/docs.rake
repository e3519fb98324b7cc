# frozen_string_literal: true

namespace :docs do
  desc "Write the settings of the code into docs/configuration.md"
  task(configuration: :compile) { ruby "-Ilib", "-r./rakelib/settings_table", "-e", "SettingsTable.write" }

  desc "Build the documentation as a site with search, into tmp/site/html; fails on a broken link"
  task :site do
    require_relative "site"
    tools = "tmp/site/tools"
    sh "python3", "-m", "venv", tools unless File.exist?("#{tools}/bin/pip")
    sh "#{tools}/bin/pip", "install", "--quiet", "--disable-pip-version-check",
       "--requirement", "rakelib/site/requirements.txt"
    Site.new.write("tmp/site/pages")
    # Without --quiet, which would also hide warnings from --strict.
    sh "#{tools}/bin/mkdocs", "build", "--strict"
  end

  desc "Take the pictures of docs/web.md again; look at them before they are committed"
  task screenshots: :compile do
    names = %w[overview-light overview-narrow keys-dark key-light override-light services-light events-light]
    ruby "-Ilib", "-r./rakelib/screenshots", "-e", "Screenshots.new('docs/images', ARGV).take", *names
  end
end
