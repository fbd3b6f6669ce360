// Package bench measures what pooling is worth, and holds the demo upstream.
//
// The benchmarks (Fanout, Stale, Stream, Compare, Own) make an upstream of their own within this
// process, start every proxy that they measure as a process of its own, and return a Report, which
// prints itself as text, JSON or a page. Everything random is seeded; each way is measured once in
// each round, in an order that is shuffled, so that all meet the same noise, and ratios are made
// within a round. They stay on the loopback, except Own, which asks an upstream of the user's
// within limits. Whatever is started is ended, also when the context is: nothing is left running.
//
// The demo upstream is one HTTP server that answers as the Anthropic, OpenAI and Gemini APIs do and
// as 32 A2A workers do, streamed and whole, so that everything can be seen at work without an
// account and tests have something real to talk to. It also makes a little traffic for that demo.
// It invents its answers, keeps nothing but counts, and is never an upstream unless asked for:
// "millpondd serve --demo" starts it on a loopback port of its own.
package bench
