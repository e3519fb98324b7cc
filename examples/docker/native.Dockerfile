# An image of an application that uses the native gem of etcd_discovery, which needs nothing but Ruby. The first
# stage is for other gems: add the packages that these compile with.
FROM ruby:3.4-slim AS build

ENV BUNDLE_PATH=/usr/local/bundle BUNDLE_DEPLOYMENT=1 BUNDLE_WITHOUT=development:test
WORKDIR /app
COPY Gemfile Gemfile.lock ./
RUN bundle install

FROM ruby:3.4-slim

ENV BUNDLE_PATH=/usr/local/bundle BUNDLE_DEPLOYMENT=1 BUNDLE_WITHOUT=development:test
WORKDIR /app
COPY --from=build /usr/local/bundle /usr/local/bundle
COPY . .
RUN bundle exec ruby -e 'require "etcd_discovery"'

CMD ["bundle", "exec", "puma"]
