# An image of an application that compiles etcd_discovery from source. Rust and the compilers stay in the first
# stage.
FROM ruby:3.4-slim AS build

RUN apt-get update && \
    apt-get install --yes --no-install-recommends ca-certificates curl gcc libc6-dev make libclang-dev && \
    rm -rf /var/lib/apt/lists/*

# Debian packages a Rust that is too old.
RUN curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal
ENV PATH="/root/.cargo/bin:${PATH}"

# Older RubyGems, such as 3.3, leave Cargo's intermediate files in the gem's folder. Here they stay out of the image.
ENV CARGO_BUILD_BUILD_DIR=/tmp/cargo

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
