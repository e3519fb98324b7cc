# frozen_string_literal: true

RSpec.describe "an application that is developed and tested without etcd",
               gems: %w[puma nokogiri] do
  let(:application) { Harness::FlagsApplication.new }

  {
    "RSpec" => [%w[rspec --options /dev/null], /^7 examples, 0 failures$/],
    "Minitest" => [%w[ruby -Itest test/orders_test.rb], /^4 runs, 6 assertions, 0 failures, 0 errors/]
  }.each do |framework, (words, result)|
    it "passes its tests in #{framework} with only the helpers, and never contacts etcd" do
      output, status = application.run(*words)
      expect(status).to be_success, output
      expect(output).to match(result)
      expect(application.connections).to eq 0
    end
  end

  it "runs from its file, shows changes of the file, and never contacts etcd" do
    path = File.join(application.place, "flags.yml")
    content = File.read(File.join(Harness::FlagsApplication::FOLDER, "config/flags.dev.yml"))
    File.write(path, content)
    application.serve(path)
    expect_soon("the application", timeout: 60) { application.state }
    expect(application.state).to eq(checkout: true, limit: 3, payments: ["127.0.0.1:8081"])
    File.write(path, content.sub("checkout: on", "checkout: off").sub("limit: 3", "limit: 4"))
    expect_soon("the change") do
      application.state == { checkout: false, limit: 4, payments: ["127.0.0.1:8081"] }
    end
    expect(application.connections).to eq 0
  end
end
