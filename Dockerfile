# waypost in a container: docker build -t waypost . && docker run --network host --cap-add NET_ADMIN --cap-add NET_RAW \
#   --cap-add NET_BIND_SERVICE -v /etc/waypost:/etc/waypost:ro waypost
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/bundle.mjs scripts/caches.cjs ./scripts/
COPY bin ./bin
COPY fixtures/config/seed-001-advanced.yaml ./fixtures/config/
COPY src ./src
RUN npm run -s build
# The program is a bundle; what remains beside it is the library that brings machine code.
RUN mkdir -p /out/node_modules && cp -r node_modules/koffi node_modules/@koromix /out/node_modules/

FROM node:24-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends libcap2-bin nftables \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --system --gid 65532 waypost \
 && useradd --system --uid 65532 --gid waypost --home-dir /var/lib/waypost --create-home --shell /usr/sbin/nologin waypost \
 && install -d -o waypost -g waypost /run/waypost /etc/waypost \
 && setcap cap_net_admin,cap_net_raw,cap_net_bind_service=p /usr/local/bin/node
WORKDIR /usr/lib/waypost
COPY --from=build /out/node_modules ./node_modules
COPY --from=build /src/dist/bundle ./dist/bundle
COPY package.json ./
COPY bin ./bin
COPY fixtures/config/seed-001-advanced.yaml ./fixtures/config/
RUN ln -s /usr/lib/waypost/bin/waypost /usr/local/bin/waypost
# A number, so that a cluster sees that it is not root.
USER 65532:65532
VOLUME /var/lib/waypost
EXPOSE 179/tcp 7472/tcp
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7472/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["waypost"]
CMD ["run"]
