# waypost in a container: docker build -t waypost . && docker run --network host --cap-add NET_ADMIN --cap-add NET_RAW \
#   --cap-add NET_BIND_SERVICE -v /etc/waypost:/etc/waypost:ro waypost
# To build the same image again, name these by digest: --build-arg NODE=node@sha256:… --build-arg BASE=debian@sha256:…
ARG NODE=node:24-bookworm-slim
ARG BASE=debian:bookworm-slim

FROM ${NODE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/bundle.mjs scripts/caches.cjs ./scripts/
COPY bin ./bin
COPY fixtures/config/seed-001-advanced.yaml ./fixtures/config/
COPY src ./src
RUN npm run -s build && rm dist/bundle/*.map
# The program is a bundle; what remains beside it is the library that brings machine code, without its sources and manual.
RUN mkdir -p /out/node_modules && cp -r node_modules/koffi node_modules/@koromix /out/node_modules/ \
 && find /out/node_modules -type f ! -name '*.js' ! -name '*.cjs' ! -name '*.node' ! -name package.json ! -name 'LICENSE*' -delete

FROM ${BASE}
LABEL org.opencontainers.image.title="waypost" \
      org.opencontainers.image.description="A BGP and layer-2 speaker for a Linux node" \
      org.opencontainers.image.licenses="Apache-2.0"
# Of Node the program alone, written once with what it may do: no package manager remains. What it may do is permitted and
# not in force, so that it starts where less is allowed; nft, which is to change the kernel's rules, has no use without.
RUN --mount=type=bind,from=build,source=/usr/local,target=/node \
    apt-get update \
 && apt-get install -y --no-install-recommends libatomic1 libcap2-bin libstdc++6 nftables \
 && cp /node/bin/node /usr/local/bin/node \
 && install -D -m 644 /node/LICENSE /usr/share/doc/node/LICENSE \
 && setcap cap_net_admin,cap_net_raw,cap_net_bind_service=p /usr/local/bin/node \
 && setcap cap_net_admin=ep /usr/sbin/nft \
 && apt-get purge -y --auto-remove libcap2-bin \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --system --gid 65532 waypost \
 && useradd --system --uid 65532 --gid waypost --home-dir /var/lib/waypost --create-home --shell /usr/sbin/nologin waypost \
 && install -d -o waypost -g waypost /run/waypost /etc/waypost
WORKDIR /usr/lib/waypost
COPY --from=build /out/node_modules ./node_modules
COPY --from=build /src/dist/bundle ./dist/bundle
COPY package.json LICENSE ./
COPY bin ./bin
COPY fixtures/config/seed-001-advanced.yaml ./fixtures/config/
RUN ln -s /usr/lib/waypost/bin/waypost /usr/local/bin/waypost
# A number, so that a cluster sees that it is not root.
USER 65532:65532
VOLUME /var/lib/waypost
EXPOSE 179/tcp 7472/tcp
# By the control socket, which is there wherever HTTP is, or is not.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["waypost", "show", "config"]
ENTRYPOINT ["waypost"]
CMD ["run"]
