# frozen_string_literal: true

require "open3"
require "tempfile"

RSpec.describe "the completion of commands in a shell" do
  def script(shell)
    out, status = Open3.capture2(*command_line("completions", shell))
    expect(status).to be_success
    out
  end

  # What bash itself offers at the end of a line.
  def offered(*words)
    Tempfile.create("completion-") do |file|
      File.write(file.path, script("bash"))
      out, err, status = Open3.capture3("bash", "--norc", "-c", <<~'SH', "bash", file.path, *words)
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        function=$(complete -p etcd_discovery | sed 's/.*-F \([^ ]*\).*/\1/')
        $function etcd_discovery "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
      SH
      expect([err, status.success?]).to eq ["", true]
      out.split("\n")
    end
  end

  it "offers in bash commands, then the options of the command, and files where a file is asked for" do
    expect(offered("etcd_discovery", "ro")).to eq %w[rollback rollout]
    expect(offered("etcd_discovery", "put", "/a", "1", "--a")).to eq %w[--await]
    expect(offered("etcd_discovery", "get", "/a", "--a")).to eq []
    expect(offered("etcd_discovery", "--endpoints", "put", "dif")).to eq %w[diff]
    expect(offered("etcd_discovery", "register", "b", "a:1", "--format", "ko")).to eq []
    expect(offered("etcd_discovery", "register", "b", "a:1", "--format", "k")).to eq %w[kratos]
    expect(offered("etcd_discovery", "completions", "b")).to eq %w[bash]
    expect(offered("etcd_discovery", "put", "/a", "--file", "")).to eq []
  end

  it "knows every command that there is, and every option" do
    help = Open3.capture2(*command_line("--help")).first
    commands = help[/Usage.*?\n\n(.*?)\n\n/m, 1].scan(/^  ([a-z]+)/).flatten.uniq
    expect(offered("etcd_discovery", "").grep_v(/\A-/)).to match_array(commands)
    expect(offered("etcd_discovery", "--")).to match_array(help.scan(/^ {4,8}(?:-h, )?(--[a-z-]+)/).flatten)
    %w[bash zsh].each { |shell| expect(script(shell)).to include(*commands) }
  end

  it "is a script that bash and zsh can read" do
    %w[bash zsh].each do |shell|
      out, status = Open3.capture2e(shell, "-n", stdin_data: script(shell))
      expect([shell, out, status.success?]).to eq [shell, "", true]
    end
  end

  it "refuses a shell that it does not know" do
    _, err, status = Open3.capture3(*command_line("completions", "fish"))
    expect([err, status.exitstatus]).to match [/fish is neither bash nor zsh/, 2]
  end
end
