# frozen_string_literal: true

require "fileutils"

# Copies the README and the guides into one folder for the site generator. It rewrites links between the
# pages, and makes links to other files of the project point to the repository.
class Site
  ROOT = File.expand_path("..", __dir__)
  REPOSITORY = "https://github.com/etcd-discovery/etcd_discovery/blob/main/"
  # The pages outside docs/, with their names on the site.
  OTHERS = {
    "README.md" => "index.md", "README.zh-CN.md" => "zh-CN.md", "CONTRIBUTING.md" => "contributing.md",
    "CHANGELOG.md" => "changelog.md", "SECURITY.md" => "reporting.md"
  }.freeze
  LINK = /(?<=\]\()(?![a-z]+:|#)([^)#\s]+)/

  def initialize(root = ROOT)
    @root = root
  end

  # @return [Hash{String => String}] the content of each page, by its name on the site
  def pages
    guides = Dir.glob("docs/*.md", base: @root).to_h { |path| [path, File.basename(path)] }
    OTHERS.merge(guides).to_h { |path, name| [name, linked(path)] }
  end

  def write(folder)
    FileUtils.rm_rf(folder)
    FileUtils.mkdir_p(folder)
    pages.each { |name, text| File.write(File.join(folder, name), text) }
    FileUtils.cp(Dir.glob("docs/*.svg", base: @root).map { |path| File.join(@root, path) }, folder)
    FileUtils.cp_r(File.join(@root, "docs/images"), folder)
  end

  private

  def linked(path)
    text = File.read(File.join(@root, path), encoding: "UTF-8")
    text.gsub(LINK) { |link| target(File.expand_path(link, "/#{File.dirname(path)}").delete_prefix("/")) }
  end

  def target(path)
    return OTHERS[path] if OTHERS.key?(path)
    return path.delete_prefix("docs/") if path.match?(%r{\Adocs/(?:images/)?[^/]+\z})

    REPOSITORY + path
  end
end
