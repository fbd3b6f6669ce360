// Package bench holds the demo upstream: one HTTP server that answers as the Anthropic, OpenAI and
// Gemini APIs do and as 32 A2A workers do, streamed and whole, so that everything can be seen at
// work without an account and tests have something real to talk to. It also makes a little
// traffic for that demo.
//
// It invents its answers, keeps nothing but counts, and is never an upstream unless asked for:
// "millpondd serve --demo" starts it on a loopback port of its own.
package bench
