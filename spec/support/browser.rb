# frozen_string_literal: true

require "base64"
require "fileutils"
require_relative "cleanup"
require_relative "wait_until"

module Harness
  # A real Chromium without a window, driven by chromedriver.
  class Browser
    # A container has a small /dev/shm, and Chromium's sandbox does not run as root.
    FLAGS = %w[--headless=new --no-sandbox --disable-dev-shm-usage --disable-gpu --hide-scrollbars
               --force-color-profile=srgb].freeze
    DRIVER = ENV.fetch("CHROMEDRIVER_BIN", "/usr/bin/chromedriver")
    private_constant :FLAGS, :DRIVER

    # @param languages [String] as a browser prefers them
    def initialize(languages: "en")
      require "selenium-webdriver"
      options = Selenium::WebDriver::Chrome::Options.new(args: FLAGS)
      options.add_preference("intl.accept_languages", languages)
      service = Selenium::WebDriver::Service.chrome(path: DRIVER)
      @driver = Selenium::WebDriver.for(:chrome, options:, service:)
      Cleanup.add(self)
    end

    attr_reader :driver

    def visit(url)
      driver.get(url)
      self
    end

    # As a person sees it.
    def text(css = "body")
      WaitUntil.wait_until("#{css} on #{address}") do
        script("return document.querySelector(arguments[0])?.innerText", css)
      end
    end

    def address = driver.current_url
    def title = driver.title

    def shown(css)
      found = all(css).first
      found if found&.displayed?
    rescue Selenium::WebDriver::Error::StaleElementReferenceError
      nil # the page has replaced it
    end

    def all(css) = driver.find_elements(css:)

    def click(css)
      WaitUntil.wait_until("#{css} to be clicked on #{address}") do
        shown(css)&.then { |element| clicked?(element) }
      end
      self
    end

    # Another text in a field.
    def fill(css, text)
      element = WaitUntil.wait_until("#{css} on #{address}") { shown(css) }
      driver.execute_script("arguments[0].value = ''", element)
      element.send_keys(text)
      self
    end

    def choose(css, value)
      Selenium::WebDriver::Support::Select.new(driver.find_element(css:)).select_by(:value, value)
      self
    end

    def press(*keys)
      driver.action.send_keys(*keys).perform
      self
    end

    def script(code, *arguments) = driver.execute_script(code, *arguments)

    # The page's last announcement for screen readers.
    def announcement = script("return document.getElementById('announcement').textContent")

    # Elements without a name, and texts that do not stand out from their ground, each as HTML.
    def nameless = script(File.read(File.join(__dir__, "browser/nameless.js")))
    def weak_texts = script(File.read(File.join(__dir__, "browser/weak_texts.js")))

    # What the page's own code and the browser complain of.
    def complaints = driver.logs.get(:browser).map(&:message)

    def dark = media("dark")
    def light = media("light")

    def size(width, height)
      command("Emulation.setDeviceMetricsOverride", width:, height:, deviceScaleFactor: 1,
                                                    mobile: width < 600)
    end

    # The whole page, not only what fits into the window.
    def screenshot(path, most: 2400)
      width, height = script("return [window.innerWidth, document.documentElement.scrollHeight]")
      size(width, [height, most].min)
      FileUtils.mkdir_p(File.dirname(path))
      File.binwrite(path, Base64.decode64(driver.screenshot_as(:base64)))
      path
    end

    def close
      driver.quit unless @closed
      @closed = true
    end

    def report = "#{self.class} at #{address}: #{text[0, 500]}"

    private

    # Not if the page has just replaced it, or something is in front of it.
    def clicked?(element)
      driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
      element.click
      true
    rescue Selenium::WebDriver::Error::StaleElementReferenceError,
           Selenium::WebDriver::Error::ElementClickInterceptedError
      false
    end

    def media(scheme)
      command("Emulation.setEmulatedMedia", features: [{ name: "prefers-color-scheme", value: scheme }])
    end

    def command(name, **parameters)
      driver.execute_cdp(name, **parameters)
      self
    end
  end
end
