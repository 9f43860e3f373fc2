# Images of Spindle, each from one commit, by one build.
#
#   docker build -t spindle .                              the program with all components (`up`)
#   docker build -t spindle-adapter --target adapter .     the program alone, beside Spin (`serve`)
#   docker build -t spindle-spin --target spin --build-context spin-program=DIRECTORY .
#                                                          Spin with the components; DIRECTORY has the program
#                                                          `spin`, version 4.1 or newer, as its releases carry it
#
# What is compiled already needs no compiler: `--build-context artefacts=target/dist/spindle-VERSION-ARCHITECTURE-linux`
# takes the place of the first stages (`./dev dist` makes that directory). `.ci/image` builds and tries all three that way.
#
# The images run as user 65532 with a read-only root file system and without a capability. They write to
# /var/lib/spindle only: mount a tmpfs or a volume there that this user may write to. compose.prod.yaml has a volume at
# /var/lib/spindle-seals, too.

FROM rust:1.95-bookworm AS build
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends jq \
    && rm -rf /var/lib/apt/lists/*
RUN rustup target add wasm32-wasip2
WORKDIR /src
COPY . .
# The commit's time, for files of the archive: git log -1 --format=%ct
ARG SOURCE_DATE_EPOCH=0
# Dependencies stay compiled in the cache from build to build.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    # Cargo takes a file for unchanged if it is older than what the cache was compiled from, and another checkout may
    # have filled the cache.
    find . -path ./target -prune -o -type f -exec touch {} + \
    # The cache may have the archive of another version.
    && rm -rf target/dist && SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH ./dev dist \
    && mkdir /out && tar -xzf target/dist/spindle-*.tar.gz -C /out --strip-components=1

FROM scratch AS artefacts
COPY --from=build /out/ /

# What all images have in common: certificate authorities, a user, and a directory to write to.
FROM debian:bookworm-slim AS base
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
    && install -d -o 65532 -g 65532 -m 700 /etc/spindle/keys /var/lib/spindle-seals \
    # A tmpfs that is mounted there has this mode and belongs to root.
    && install -d -o 65532 -g 65532 -m 1777 /var/lib/spindle
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Spindle" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.licenses="MIT OR Apache-2.0"
WORKDIR /opt/spindle
USER 65532:65532
STOPSIGNAL SIGTERM

FROM base AS program
# PRODUCTION: it makes up no keys and no database. Both must be given.
ENV PRODUCTION=true \
    SPINDLE_KEYS_DIRECTORY=/etc/spindle/keys \
    SPINDLE_HOST_COMPILATION_CACHE=/var/lib/spindle/cache \
    SPINDLE_CONTROL_SOCKET=/var/lib/spindle/control.sock \
    SPINDLE_MANAGEMENT_ADDRESS=0.0.0.0:9001
COPY --from=artefacts /bin/host-adapter /usr/local/bin/host-adapter
COPY --from=artefacts /adapter.toml /opt/spindle/
COPY --from=artefacts /migrations/ /opt/spindle/migrations/
COPY --from=artefacts /licences/ /opt/spindle/licences/
COPY --from=artefacts /sbom.cdx.json /LICENSE-APACHE /LICENSE-MIT /opt/spindle/
# A start compiles components that are not in the cache.
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 CMD ["host-adapter", "health"]
ENTRYPOINT ["host-adapter"]

FROM program AS adapter
LABEL org.opencontainers.image.description="Spindle's adapter: databases, keys and calls for components on Spin"
# Beyond loopback it insists on TLS: SPINDLE_SERVER_TLS_CERTIFICATE and SPINDLE_SERVER_TLS_KEY.
ENV SPINDLE_SERVER_ADDRESS=0.0.0.0:9000
EXPOSE 9000 9001
CMD ["serve"]

FROM base AS spin
LABEL org.opencontainers.image.description="Spindle's components on Spin; the adapter is another container"
COPY --from=spin-program --chmod=755 /spin /usr/local/bin/spin
COPY --from=artefacts /spin.toml /runtime-config.toml /opt/spindle/
COPY --from=artefacts /wasm/ /opt/spindle/wasm/
# See docs/spin.md.
ENV SPIN_WASMTIME_LINEAR_MEMORY_KEEP_RESIDENT=0
EXPOSE 3000
ENTRYPOINT ["spin"]
CMD ["up", "--runtime-config-file", "runtime-config.toml", "--listen", "0.0.0.0:3000", \
    "--max-instance-reuse-count", "10000", "--state-dir", "/var/lib/spindle/state", \
    "--log-dir", "/var/lib/spindle/logs", "--truncate-logs"]

# The last stage is what `docker build` makes without `--target`.
FROM program AS full
LABEL org.opencontainers.image.description="Spindle: the program and all components"
ENV SPINDLE_LISTEN_APP=0.0.0.0:3000
COPY --from=artefacts /spin.toml /opt/spindle/
COPY --from=artefacts /components/ /opt/spindle/components/
COPY --from=artefacts /wasm/ /opt/spindle/wasm/
EXPOSE 3000 9001
CMD ["up"]
