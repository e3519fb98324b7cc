# frozen_string_literal: true

require_relative "journeys"

RSpec.describe "journeys on the page, under puma", gems: %w[puma] do
  include_context "with a browser at the page"

  before(:context) { start_page(Harness::PumaServer, workers: 2, config: "preload_app!\n") }

  pages = { "the overview" => "/", "the keys" => "/keys?prefix=/shop/checkout/",
            "a key" => "/key?key=/shop/checkout/tiers",
            "the services" => "/services", "the events" => "/events",
            "a rollback" => "/rollback?key=/shop/checkout/limit&to=2" }

  it_behaves_like "a page that people use"

  context "looked at closely" do
    before(:context) do
      put("checkout/limit", "100")
      put("checkout/limit", "200")
      put("checkout/tiers", %({\n  "gold": 10\n}))
      put("checkout/#{'long/' * 20}key-without-any-place-to-break-it-#{'x' * 80}", "y" * 300)
      @registered = writer.register("search", "10.1.2.10:9200", ttl: 60)
    end

    after do
      browser.light.size(1200, 900)
    end

    pages.each do |what, path|
      it "#{what} is readable in light and in dark: text stands out from its ground by 4.5 to 1" do
        visit(path)
        see("etcd_discovery")
        weak = [browser.light.weak_texts, browser.dark.weak_texts]
        expect(weak).to eq [[], []]
      end

      it "#{what} fits a phone: nothing is wider than the screen" do
        browser.size(360, 740)
        visit(path)
        see("etcd_discovery")
        expect(browser.script("return document.documentElement.scrollWidth")).to be <= 360
      end

      it "#{what} tells a screen reader what is what" do
        visit(path)
        see("etcd_discovery")
        expect(browser.nameless).to eq []
        landmarks = %w[header nav main footer h1].to_h { |name| [name, browser.all(name).size] }
        expect(landmarks).to include("header" => 1, "main" => 1, "footer" => 1, "h1" => 1)
        ids = browser.script("return [...document.querySelectorAll('[id]')].map((one) => one.id)")
        expect(ids.uniq).to eq ids
      end
    end

    it "works by keyboard alone: skips to the content, and saves a value" do
      revision = put("checkout/currency", "EUR")
      visit_once_there("/key?key=/shop/checkout/currency", "at revision #{revision}")
      browser.press(:tab, :enter)
      expect(browser.script("return document.activeElement.id")).to eq "main"
      tab_to("value")
      browser.press("C")
      tab_to("edit-note")
      browser.press("by keyboard", :enter)
      expect_soon("the write") { etcd.ctl.get("/shop/checkout/currency") == "CNY" }
    end

    it "is in Chinese for a browser that prefers it" do
      chinese = Harness::Browser.new(languages: "zh-CN,zh,en")
      chinese.visit("#{server.url}/ops/etcd/keys")
      expect(chinese.text).to include("所有键", "操作人：ann")
      expect(chinese.script("return document.documentElement.lang")).to eq "zh-CN"
      chinese.close
    end

    def tab_to(id)
      expect_soon("the focus on #{id}") do
        browser.press(:tab)
        browser.script("return document.activeElement.id") == id
      end
    end
  end
end
