# frozen_string_literal: true

require "fileutils"
require_relative "../debian_root"
require_relative "debian_rubies"

# A Debian of another architecture, with all of Debian's Rubies, whose programs run under QEMU. Its packages
# are unpacked but not configured, because that would need a kernel that starts QEMU by itself.
class EmulatedRoot < DebianRoot
  EMULATORS = { "arm64" => "/usr/bin/qemu-aarch64-static", "amd64" => "/usr/bin/qemu-x86_64-static" }.freeze

  # @return [Array<String>] the versions of its Rubies
  attr_reader :rubies

  # @param architecture [String] Debian's name of it
  def initialize(suite, architecture:)
    super(suite, packages: %w[ruby])
    @architecture = architecture
    @emulator = EMULATORS.fetch(architecture)
  end

  def make
    debootstrap("--foreign", "--arch=#{@architecture}")
    Dir[File.join(folder, "var/cache/apt/archives/*.deb")].each { |package| unpack(package) }

    folders = DebianRubies.new(@architecture).folders
    folders.each_value { |ruby| run!(copy = ["cp", "--archive", "#{ruby}/.", folder], copy) }
    @rubies = folders.keys
    FileUtils.cp(@emulator, File.join(folder, "usr/bin"))
  end

  # @param program [String] the path of a binary in the root; scripts are not supported
  def run(program, *arguments, **options) = super(@emulator, program, *arguments, **options)

  private

  def unpack(package)
    # tar keeps the root's links, such as lib -> usr/lib, which dpkg-deb would replace.
    script = 'dpkg-deb --fsys-tarfile "$1" | tar --extract --keep-directory-symlink --directory "$2"'
    run!(["sh", "-c", script, "sh", package, folder], ["unpacking", package])
  end
end
