# frozen_string_literal: true

module EtcdDiscovery
  class Web
    class Strings
      EN = {
        skip: "Skip to content", navigation: "Main", trail: "Where you are",
        nav_overview: "Overview", nav_keys: "Keys", nav_services: "Services", nav_events: "Events",
        live_on: "Live", live_off: "Not live", announce_changed: "Changed: {names}", announce_lost: "Connection lost, trying again",
        acting_as: "Acting as %<name>s", may_write: "Values can be changed here", read_only: "Read-only",
        to_overview: "To the overview", now: "now", everything: "everything",

        state_live: "Live", state_stale: "Stale", state_denied: "Refused by etcd", state_trouble: "In trouble",
        serving: "%<keys>s keys at revision %<revision>s",
        fact_followed: "Follows", fact_version: "etcd version", fact_age: "Confirmed", fact_reconnects: "Reconnects",
        fact_relists: "Full re-reads", fact_audits: "Audits", fact_watched: "Watches", fact_invalid: "Bad values",
        audits: "%<count>s; differences: %<found>s", fact_process: "This process",
        last_minutes: "The last five minutes", five_minutes_ago: "5 min ago", top: "top: %<value>s",
        chart_rate: "Changed keys", chart_age: "Age of the data", chart_visible: "Put until visible",
        chart_label: "%<name>s: %<now>s now, at most %<top>s in the last five minutes",
        per_second: "%<value>s/s", in_seconds: "%<value>s s", in_milliseconds: "%<value>s ms", no_figures: "no figures yet",
        processes: "Processes", processes_hint: "Without a fleet (config.fleet), this lists the processes that have answered this page in the last minute.",

        search: "Search", search_label: "Search keys", all_keys: "All keys", no_keys: "There are no keys here.",
        nothing_found: "No key has all of these words in its name.", keys_inside: "%<count>s keys", one_key_inside: "%<count>s key", col_count: "Holds", no_name: "(no name)",
        next_page: "Next page",
        absent: "no such key", empty: "empty", masked: "Hidden: it looks like a secret",

        value_now: "Value", changed_at: "Last changed at revision %<revision>s", no_such_key: "There is no such key.",

        change: "Change", value: "New value", value_base64: "New value, in Base64", save: "Save", create: "Create",
        note: "Note", note_hint: "Why? The note appears in the history.",
        note_hint_no_log: "Why? It goes to this process's log; set change_log to keep it in etcd.",
        ends_by_itself: "This value ends by itself, with its lease. Saved here, it would stay for good. End the override, or override again.",
        note_missing: "Write a note that says why.", wrong_value: "This value has the wrong type; expected: %<type>s. Nothing was written.",
        allowed: "allowed: %<range>s", default_is: "default: %<value>s",
        type_string: "text", type_integer: "whole number", type_float: "number", type_boolean: "true or false",
        type_list: "list, separated by commas or lines", type_duration: "duration, such as 250ms or 1h30m", type_json: "JSON",
        delete_key: "Delete the key", delete_hint: "Every process sees the key as absent.",
        delete_hint_declared: "Every process goes back to the declared default.",
        not_changed_masked: "The value is hidden, so it cannot be changed here.",
        not_changed_large: "The value is too large to edit here. Use etcd_discovery apply with a file.",
        not_changed_log: "This key belongs to the change log, which only gets entries.",

        show_past: "Show its history", history: "History", at_revision: "Revision %<revision>s", was_changed: "changed", was_created: "created", was_deleted: "deleted",
        no_history: "etcd has no history of this key any more.", history_unavailable: "The history cannot be read now: %<reason>s",
        too_long_to_compare: "The values are too long to compare here.",
        roll_back_here: "Roll back to this", roll_back: "Roll back", roll_back_to: "Roll back to revision %<revision>s",
        roll_back_advice: "This is what would change:", nothing_differs: "The value is the same now. There is nothing to roll back.",

        wrote_here: "Written at revision %<revision>s. This process has it.",
        wrote_waiting: "Written at revision %<revision>s. This process does not have it yet.",

        conflict: "Someone else changed this key first", conflict_advice: "The key has changed since it was shown to you. Nothing was written.",
        conflict_yours: "Your value", conflict_now: "Value now", conflict_again: "Decide again",
        conflict_deletion: "You wanted to delete the key.",
        conflict_release: "You wanted to end the override.", nothing_to_end: "The override has ended already. There is nothing to do.",

        no_services: "No service is registered under a watched prefix.", service_unwatched: "The keys of this service are not watched.",
        service_kept: "No instance is left; the last list is kept for now.", no_instances: "It has no instance.",
        instances_of: "Instances of %<name>s", ejected: "ejected", in_use: "in use", rejected: "Values that could not be read",
        more_services: "And %<count>s more services.",

        events_hint: "What happened to the client of this process lately. Changed keys are not events here.", no_events: "Nothing has happened yet.",
        events_hint_fleet: "What happened lately to the client of this process, and the last events of each member of the fleet. Changed keys are not events here.", events_missing: "No events from: %<names>s",

        col_host: "Host", col_pid: "PID", col_state: "State", col_revision: "Revision", col_age: "Confirmed", col_reconnects: "Reconnects",
        col_memory: "Memory", col_key: "Key", col_value: "Value", col_type: "Type", col_changed: "Revision",
        col_address: "Address", col_id: "ID", col_weight: "Weight", col_in_flight: "Under way", col_metadata: "Metadata",
        col_time: "Time", col_event: "Event", col_what: "What happened",

        members: "Members of etcd", no_members: "There is no etcd here, or none that can be asked.", fleet_unavailable: "The fleet cannot be asked: %<reason>s", fleet_hint: "%<count>s members of the fleet, asked every ten seconds while someone looks.", no_answer: "no answer", gone: "gone", last_answer: "last answer: %<at>s", last_seen: "last seen: %<at>s", unknown: "unknown", answers: "answers", behind: "behind",
        wrote_fleet: "Written at revision %<revision>s. %<reached>s of %<total>s processes have it.", still_missing: "Still without it: %<names>s", lease_left: "Under a lease: deleted in %<left>s unless its owner renews it",
        col_lease: "Lease left", col_since: "Member since", col_member: "Member", col_version: "Version", col_role: "Role", col_latency: "Latency", col_size: "Database", leader: "leader", follower: "follower",

        layers: "Layers", layers_of: "What each layer has for %<name>s", wins: "in force", wins_for_a_time: "in force temporarily",
        covered: "covered", in_force: "Values in force", views: "What is listed", col_layer: "Layer",
        override: "Override temporarily", override_hint: "The value reverts by itself when the time is over, even if every process is gone.",
        override_for: "For how many seconds", override_start: "Override", override_end: "End the override now",
        override_left: "in force for another %<left>s",
        error_conflict: "Someone else changed this key first", error_conflict_advice: "Nothing was written. Look at the key and decide again.",

        error_refused: "You may not see this page.", error_verb: "This address takes other methods.",
        error_not_found: "There is no such page", error_not_found_advice: "The address is wrong, or the page has moved.",
        error_malformed: "The request cannot be read", error_malformed_advice: "Part of the address or of the form is invalid. Nothing was written.",
        error_unwatched: "This key is not watched", error_unwatched_advice: "The page shows what this process watches, and nothing else.",
        error_compacted: "etcd no longer has that revision", error_compacted_advice: "It was compacted. Take a newer one from the history.",
        error_forbidden_by_etcd: "etcd does not allow this", error_forbidden_by_etcd_advice: "The user of this process lacks the right. Nothing was written.",
        error_etcd_away: "etcd cannot be reached", error_etcd_away_advice: "Reads go on from the local copy. If you were writing, look at the value before you try again.",
        error_invalid_request: "etcd refuses this request", error_invalid_request_advice: "Nothing was written.",
        error_trouble: "Something went wrong", error_trouble_advice: "The reason is below.",
        error_read_only: "The page is read-only", error_read_only_advice: "Nothing was written. To allow changes, configure EtcdDiscovery::Web with write: true.",
        error_foreign_origin: "The form came from another site", error_foreign_origin_advice: "Nothing was written. If there is a proxy, make it pass on X-Forwarded-Proto and the host.",
        error_no_token: "The form is no longer valid", error_no_token_advice: "Nothing was written. Go back, reload the page and try again; the page needs its cookie.",
        error_masked: "This value is hidden", error_masked_advice: "A hidden value cannot be changed here. Nothing was written."
      }.freeze
    end
  end
end
