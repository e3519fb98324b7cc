# frozen_string_literal: true

configure "/service/"
