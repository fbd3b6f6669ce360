// Command workers runs A2A agents, each on a port of its own, made with the A2A project's own
// server. An agent answers every question with "NAME answers: QUESTION".
//
// It prints one line of JSON, the addresses of the agents and of the counters, and ends when its
// standard input does. GET / on the counters says how often each question was executed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/a2aproject/a2a-go/a2a"
	"github.com/a2aproject/a2a-go/a2asrv"
	"github.com/a2aproject/a2a-go/a2asrv/eventqueue"
)

func main() {
	n := flag.Int("n", 32, "how many agents")
	flag.Parse()
	if err := run(*n, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "workers:", err)
		os.Exit(1)
	}
}

// run serves n agents until in ends.
func run(n int, in io.Reader, out io.Writer) error {
	var report struct {
		Addresses []string
		Control   string
	}
	counts := &counts{executed: map[string]int{}}
	ended := make(chan error, n+1)
	serve := func(handler func(address string) http.Handler) (string, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		address := l.Addr().String()
		go func() { ended <- http.Serve(l, handler(address)) }()
		return address, nil
	}
	for i := range n {
		w := &worker{name: fmt.Sprintf("worker-%d", i+1), counts: counts}
		address, err := serve(w.handler)
		if err != nil {
			return err
		}
		report.Addresses = append(report.Addresses, address)
	}
	var err error
	if report.Control, err = serve(func(string) http.Handler { return counts }); err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(report); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		ended <- nil
	}()
	return <-ended
}

// counts is how often each question was executed, by any agent.
type counts struct {
	mu       sync.Mutex // guards executed
	executed map[string]int
}

func (c *counts) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = json.NewEncoder(w).Encode(c.executed) // the test sees what is missing
}

// A worker is one agent.
type worker struct {
	name   string
	counts *counts
}

// handler is the agent's card, by which it says that it is at address, and its JSON-RPC.
func (k *worker) handler(address string) http.Handler {
	card := &a2a.AgentCard{
		Name: k.name, Description: "answers at once", Version: "1",
		URL: "http://" + address + "/", PreferredTransport: a2a.TransportProtocolJSONRPC,
		DefaultInputModes: []string{"text"}, DefaultOutputModes: []string{"text"},
		Capabilities:    a2a.AgentCapabilities{Streaming: true},
		ProtocolVersion: "0.3.0", // this and a skill are what other clients insist on
		Skills:          []a2a.AgentSkill{{ID: "answer", Name: "answer", Description: "answers", Tags: []string{"test"}}},
	}
	mux := http.NewServeMux()
	mux.Handle(a2asrv.WellKnownAgentCardPath, a2asrv.NewStaticAgentCardHandler(card))
	mux.Handle("/", a2asrv.NewJSONRPCHandler(a2asrv.NewHandler(k)))
	return mux
}

// Execute answers a question.
func (k *worker) Execute(ctx context.Context, request *a2asrv.RequestContext, queue eventqueue.Queue) error {
	var question string
	for _, part := range request.Message.Parts {
		if text, ok := part.(a2a.TextPart); ok {
			question += text.Text
		}
	}
	k.counts.mu.Lock()
	k.counts.executed[question]++
	k.counts.mu.Unlock()
	answer := a2a.NewMessage(a2a.MessageRoleAgent, a2a.TextPart{Text: k.name + " answers: " + question})
	return queue.Write(ctx, answer)
}

// Cancel has nothing to do: an answer is complete at once.
func (k *worker) Cancel(context.Context, *a2asrv.RequestContext, eventqueue.Queue) error { return nil }
