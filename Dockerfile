# Build: every dependency, then only what runs.
FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev --omit=optional

# Run: NATS and Postgres come from outside (docker-compose.yml), so the embedded binaries are not in here.
FROM node:20-slim
ENV NODE_ENV=production SPARK_HOME=/var/lib/spark
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY bin ./bin
COPY migrations ./migrations
COPY presets ./presets
RUN install -d -o node -g node -m 0700 /var/lib/spark
USER node
VOLUME /var/lib/spark
EXPOSE 8787
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=5 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.SPARK_HTTP_PORT ?? 8787}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "bin/spark.js"]
CMD ["start", "--no-demo"]
