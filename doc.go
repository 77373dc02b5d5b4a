// Package bouncehouse is the domain of a pipeline that runs beside mail
// servers: it reads their logs and bounce mails, understands every delivery
// attempt (who refused, at which SMTP stage, with which code, why), adds what
// DNS says of the sending address, and lands it all in ClickHouse, each
// attempt once.
//
//	mail server                              central (or the same machine)
//	┌───────────────────────────┐            ┌──────────────────────────────────────────────┐
//	│ ingest                    │   Kafka    │ parse  →  enrich                 →  sink     │
//	│ files, Maildir, mbox  ──────chunks──────▶ events   class, provider, DNSBL,   batches ──▶ ClickHouse
//	│ checkpoint ◀── ack        │            │          rDNS                       ◀── ack    │
//	└───────────────────────────┘            └──────────────────────────────────────────────┘
//
// A Source reads Chunks; a Parser makes Events and Arrivals of their Records;
// Enrichers add class, provider and DNS; a Sink makes the Batch durable; and
// Pipeline is the one loop over them. The folders ingest, parse, enrich and
// sink implement these four; cmd/bouncehouse wires them.
package bouncehouse
