# frozen_string_literal: true

require_relative "descriptors"

desc "Write the descriptors of etcd-client's .proto files, after an update of that crate (needs protoc)"
task(:proto) { puts "wrote #{Descriptors.write}" }
