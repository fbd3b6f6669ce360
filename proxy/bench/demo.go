package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"millpond/settings"
)

// A Running is a demo upstream that runs, and the settings that lead to it.
type Running struct {
	// Upstreams are one each of the kinds anthropic, openai and gemini, and worker-1 to worker-32.
	Upstreams []settings.Upstream

	cancel context.CancelFunc
	served chan error
}

// Demo serves a demo upstream, at a realistic pace, on a loopback port of its own until ctx is
// done or Close is called. Close must be called in either case; it waits.
func Demo(ctx context.Context) (*Running, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the demo upstream: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	d := &Running{Upstreams: upstreams("http://" + l.Addr().String()), cancel: cancel, served: make(chan error, 1)}
	go func() { d.served <- NewUpstream(Realistic()).Serve(ctx, l) }()
	return d, nil
}

// Close stops the demo upstream and waits for it. It must be called once.
func (d *Running) Close() error {
	d.cancel()
	return <-d.served
}

// upstreams lists what the demo at base can be used as.
func upstreams(base string) []settings.Upstream {
	list := []settings.Upstream{
		{Name: "anthropic", Kind: settings.KindAnthropic, URL: base},
		{Name: "openai", Kind: settings.KindOpenAI, URL: base},
		{Name: "gemini", Kind: settings.KindGemini, URL: base},
	}
	for i := range Workers {
		name := fmt.Sprintf("worker-%d", i+1)
		list = append(list, settings.Upstream{Name: name, Kind: settings.KindA2A, URL: base + "/" + name})
	}
	for i := range list {
		list[i].Enabled, list[i].Priority, list[i].Weight = true, 1, 1
	}
	return list
}

// The demo's traffic: one conversation a second, and now and then a question to all workers.
const (
	trafficEvery = time.Second
	askAllEvery  = 8 // conversations
	patience     = time.Minute
)

// Traffic sends a little steady traffic through the proxy at address (host:port) until ctx is
// done, and then waits for what is in flight, which ctx breaks off. What fails is the proxy's to
// count and to tell; Traffic goes on.
func Traffic(ctx context.Context, address string) {
	transport := &http.Transport{MaxIdleConnsPerHost: Workers}
	defer transport.CloseIdleConnections()
	t := traffic{client: &http.Client{Transport: transport, Timeout: patience}, base: "http://" + address}
	var flying sync.WaitGroup
	defer flying.Wait()
	tick := time.NewTicker(trafficEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		t.send(ctx, &flying, conversations[n%len(conversations)])
		if n%askAllEvery == 0 {
			for i := range Workers {
				t.send(ctx, &flying, question(i+1))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// traffic is a client of the proxy.
type traffic struct {
	client *http.Client
	base   string
}

// A line is one request of the demo's traffic.
type line struct{ path, body string }

// conversations are what agents ask, in turn.
var conversations = []line{
	{"/v1/messages", `{"model":"demo","max_tokens":200,"stream":true,"messages":[{"role":"user","content":"What is a millpond?"}]}`},
	{"/v1/responses", `{"model":"demo","stream":true,"input":"What is a millpond?"}`},
	{"/v1beta/models/demo:streamGenerateContent?alt=sse", `{"contents":[{"role":"user","parts":[{"text":"What is a millpond?"}]}]}`},
	{"/v1/messages", `{"model":"demo","max_tokens":20,"messages":[{"role":"user","content":"Name this conversation."}]}`},
	{"/v1/chat/completions", `{"model":"demo","stream":true,"messages":[{"role":"user","content":"What is a millpond?"}]}`},
}

// question is what a coordinator asks worker n.
func question(n int) line {
	return line{fmt.Sprintf("/u/worker-%d/", n), fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"message/send","params":{"message":`+
		`{"kind":"message","messageId":"question-%d","role":"user","parts":[{"kind":"text","text":"What is a millpond?"}]}}}`, n, n)}
}

// send sends one request and reads its answer to the end, in a goroutine that flying counts.
func (t traffic) send(ctx context.Context, flying *sync.WaitGroup, l line) {
	flying.Go(func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.base+l.path, strings.NewReader(l.body))
		if err != nil {
			return // the address is not one; the proxy would not have started
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("User-Agent", "millpond-demo")
		resp, err := t.client.Do(req)
		if err != nil {
			return // the proxy is stopping
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
	})
}
