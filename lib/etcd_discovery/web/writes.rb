# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # The writes: each is checked, compared with what was shown, and made in the name of who acts.
    #
    # @api private
    class Writes
      # The key is not changed here.
      class Fixed < StandardError; end

      # The errors after which the form is shown again, with what was typed.
      REFUSED = [InvalidRequestError, PermissionError, AuthenticationError, ResourceExhaustedError,
                 CorruptError, ConnectionError].freeze
      private_constant :REFUSED

      def initialize(web, request)
        @web = web
        @request = request
      end

      def put
        value = typed
        write(Pages::Key, value) { client.put(key, value, if_revision: revision, **why) }
      rescue ValueText::Wrong, InvalidValueError => e
        refuse_value(e)
      end

      def delete
        write(Pages::Key, nil) { client.delete(key, if_revision: revision, **why) }
      end

      # One key, as it was, if it is still what was shown.
      def rollback
        past = value_at(request.number(request.query("to")))
        raise Fixed if masked?(past)

        declared&.check_text(past) unless past.nil?
        write(Pages::Rollback, past) { restore(past) }
      rescue InvalidValueError => e
        page(Pages::Rollback, problem: e.message)
      end

      private

      attr_reader :web, :request

      def client = web.client
      def t(...) = request.strings.t(...)

      # Which layer a name should change, no one can guess.
      def key
        @key ||= request.query("key").then do |given|
          given.nil? || client.config.name?(given) ? raise(Request::Malformed) : given
        end
      end

      def revision = request.number(request.form!("revision")) || raise(Request::Malformed)
      def note = request.form("note").strip[0, 500]
      def why = { by: request.actor, note: }
      def masked?(value) = web.mask.masked?(key, value)

      def refuse_value(error)
        return page(Pages::Key, problem: error.message) if error.is_a?(InvalidValueError)

        base64 = declared.nil? || request.form("encoding") == "base64"
        page(Pages::Key, problem: t(:wrong_value, type: t(base64 ? :value_base64 : :"type_#{declared.type}")))
      end

      # @return [String] what the form holds
      # @raise [ValueText::Wrong, InvalidValueError]
      def typed
        encoding = request.form("encoding")
        value = ValueText.value(request.form!("value"), encoding)
        return ValueText.checked(declared, value) unless encoding == "base64"

        declared ? declared.check_text(value) : value
      end

      def declared = Declared.field(client, key)

      def restore(past)
        return client.delete(key, if_revision: revision, **why) if past.nil?

        client.put(key, past, if_revision: revision, **why)
      end

      def value_at(revision)
        watched!
        raise Request::Malformed if revision.nil? || revision.zero?

        History::Content.read(client, [[key, false]], revision).value(key)
      end

      # @raise [UnwatchedKeyError] the page is no way to what this process does not watch
      def watched! = client.key?(key)

      # @param value [String, nil] what is to be written
      # @yieldreturn [Integer, nil] the revision of the write; `nil`: the key has changed since it was shown
      def write(shown_on, value)
        problem = problem_with(value)
        return page(shown_on, problem:) if problem

        started = Client.now
        written = yield
        return conflict(value) if written.nil?

        record(written)
        Collector.of(client).measure(written, started)
        Response.see_other(request.url("/key", key:, wrote: written))
      rescue *REFUSED => e
        not_written(shown_on, e)
      end

      def not_written(shown_on, error)
        status, reason = Pages::Error.of(error)
        words = [t(:"error_#{reason}"), t(:"error_#{reason}_advice"), error.message]
        page(shown_on, problem: words.join(" · "), status:)
      end

      # @return [String, nil] why the write is not tried
      def problem_with(value)
        return t(:note_missing) unless request.visible?(note)

        before = present
        # What cannot be seen is not changed blindly.
        raise Fixed if masked?(before&.value) || masked?(nil)

        t(:ends_by_itself) if before && drops_lease?(before, value)
      end

      # Without its lease a temporary value would stay for good.
      def drops_lease?(before, value) = !value.nil? && !before.lease.zero?

      # As etcd has it, not as the local copy does.
      def present
        watched!
        History::Content.read(client, [[key, false]]).rows[key]
      end

      def conflict(value) = page(Pages::Conflict, key, value, present)

      def page(kind, *arguments, **options)
        page = kind.new(web, request, *arguments, **options)
        Response.html(request, page.status, page.render)
      end

      # Without a change log the note would be nowhere.
      def record(written)
        return if client.config.change_log

        line = "#{request.actor} wrote #{Escape.cell(key)} on the web page at revision #{written}: #{note}"
        EtcdDiscovery::Events::EventLogger.write(client.config.logger, :info, line)
      end
    end
  end
end
