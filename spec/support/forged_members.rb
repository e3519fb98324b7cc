# frozen_string_literal: true

require_relative "cleanup"

module Harness
  # Members of a fleet on the host `web-9`, without processes: each answers every call with its own text.
  class ForgedMembers
    # @param texts [Array<String>] the answers of pids 0, 1 and so on
    def initialize(etcd, prefix, texts)
      @ctl = etcd.ctl
      @prefix = prefix
      @texts = texts
      @lease = @ctl.run("lease", "grant", "600")[/lease (\h+)/, 1]
      texts.each_index { |pid| put("members/web-9/#{pid}", "{}") }
      @thread = Thread.new { answer_new until @closed }
      Cleanup.add(self)
    end

    # Does not end a command that runs.
    def close
      @closed = true
      @thread.join
    end

    private

    def put(key, value) = @ctl.put("#{@prefix}#{key}", value, "--lease=#{@lease}")

    def answer_new
      calls = "#{@prefix}calls/"
      ids = @ctl.read_prefix(calls).keys.map { |key| key.delete_prefix(calls) }
      (ids - @known.to_a).each do |id|
        @texts.each_with_index { |text, pid| put("answers/#{id}/web-9-#{pid}", text) }
      end
      @known = ids
    end
  end
end
