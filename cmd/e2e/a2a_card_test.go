package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
)

// Workers are running A2A agents.
type workers struct {
	Addresses []string
	Control   string
}

func startWorkers(t *testing.T, n int) (w workers) {
	t.Helper()
	start(t, os.Environ(), programs.workers, "-n", fmt.Sprint(n)).report(t, &w)
	return w
}

// settings make each worker an upstream, worker-1 and so on.
func (w workers) settings() string {
	s := anywhere
	for i, address := range w.Addresses {
		s += entry(fmt.Sprintf("worker-%d", i+1), "a2a", "http://"+address)
	}
	return s
}

// wantOnce checks that each question was executed exactly once.
func (w workers) wantOnce(t *testing.T, questions []string) {
	t.Helper()
	var executed map[string]int
	getJSON(t, "http://"+w.Control, &executed)
	for _, q := range questions {
		if executed[q] != 1 {
			t.Errorf("%s: executed %d times; want once", q, executed[q])
		}
	}
}

// TestA2ACoordinatorsFollowTheCard lets coordinators know nothing but the address of each agent's card
// at Millpond. They go where the card says, and must stay with Millpond.
func TestA2ACoordinatorsFollowTheCard(t *testing.T) {
	const agents, asked = 32, 128
	w := startWorkers(t, agents)
	t.Run("a2a-go", func(t *testing.T) {
		d := serve(t, "", w.settings())
		c := &coordinator{http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: agents}}}
		var asking sync.WaitGroup
		var questions []string
		for i := range asked {
			questions = append(questions, fmt.Sprint("go question ", i))
			asking.Go(func() {
				agent := fmt.Sprintf("worker-%d", i%agents+1)
				got, err := c.ask(t, d.URL+"/u/"+agent+"/", questions[i], i%2 == 1)
				if want := agent + " answers: " + questions[i]; got != want || err != nil {
					t.Errorf("got %q, error %v; want %q", got, err, want)
				}
			})
		}
		asking.Wait()
		c.http.CloseIdleConnections()
		w.wantOnce(t, questions)
		d.wantAllThrough(t, asked)
	})
	t.Run("@a2a-js/sdk", func(t *testing.T) {
		d := serve(t, "", w.settings())
		var results []struct{ Question, Agent, URL, Answer, Error string }
		sdkNode{installNode(t)}.run(t, "coordinate.mjs", &results, d.URL, fmt.Sprint(agents), fmt.Sprint(asked))
		var questions []string
		for _, r := range results {
			questions = append(questions, r.Question)
			if want := r.Agent + " answers: " + r.Question; r.Answer != want || r.Error != "" || r.URL != d.URL+"/u/"+r.Agent+"/" {
				t.Errorf("got %q at %s, error %q; want %q", r.Answer, r.URL, r.Error, want)
			}
		}
		w.wantOnce(t, questions)
		d.wantAllThrough(t, asked)
	})
}

// wantAllThrough checks that each card and each answer came by way of the daemon.
func (d *daemon) wantAllThrough(t *testing.T, questions int) {
	t.Helper()
	if s := d.stats(t, 2*questions); s.Outcomes["ok"] != 2*questions {
		t.Errorf("got outcomes %v; want %d ok: a card and an answer to each question", s.Outcomes, 2*questions)
	}
}

// cardText is a card with all that must stay as it is. %[1]s is the agent's own URL.
const cardText = `{ "url" :"%[1]s/rpc", "zeta": 1.0,"name":"caf\u00e9","additionalInterfaces":[ {"transport":"JSONRPC","url":"%[1]s/rpc"},
  {"transport":"HTTP+JSON","url":"%[1]s"}, {"transport":"JSONRPC","url":"http://elsewhere.example/"} ],"description":"at %[1]s/rpc",
  "documentationUrl":"%[1]s/docs?a=b&c","signatures":[{"protected":"e30","signature":"c2ln"}] }`

// cards serves one agent's card in several forms.
func cards(w http.ResponseWriter, r *http.Request) {
	text := fmt.Sprintf(cardText, "http://"+r.Host)
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Query().Get("as") {
	case "packed": // although it was not asked for
		w.Header().Set("Content-Encoding", "gzip")
	case "chunks":
		_ = http.NewResponseController(w).Flush()
	case "large":
		text += strings.Repeat(" ", 1<<20)
	case "cut":
		w.Header().Set("Content-Length", "100000")
	}
	if r.Header.Get("Accept-Encoding") != "" {
		text = "the client's Accept-Encoding came here"
	}
	_, _ = io.WriteString(w, text)
}

func TestAgentCard(t *testing.T) {
	far := httptest.NewServer(http.HandlerFunc(cards))
	t.Cleanup(far.Close)
	d := serve(t, "", anywhere+entry("plain", "http", far.URL)+entry("agent-1", "a2a", far.URL)+entry("other", "a2a", "http://"+closedPort(t)))
	named := strings.Replace(d.URL, "127.0.0.1", "localhost", 1)
	own := fmt.Sprintf(cardText, far.URL)
	ours := func(base string) string {
		s := strings.ReplaceAll(own, `"`+far.URL+`"`, `"`+base+`/"`)
		s = strings.ReplaceAll(s, `"`+far.URL, `"`+base)
		return s
	}
	const path = "/.well-known/agent-card.json"
	for _, tt := range []struct{ name, url, want string }{
		{"by the root", d.URL + path, ours(d.URL + "/u/agent-1")},
		{"by its name", d.URL + "/u/agent-1" + path, ours(d.URL + "/u/agent-1")},
		{"by the older path", d.URL + "/u/agent-1/.well-known/agent.json?a=b", ours(d.URL + "/u/agent-1")},
		{"by another Host", named + path, ours(named + "/u/agent-1")},
		{"in chunks", d.URL + path + "?as=chunks", ours(d.URL + "/u/agent-1")},
		{"packed", d.URL + path + "?as=packed", own},
		{"large", d.URL + path + "?as=large", own + strings.Repeat(" ", 1<<20)},
		{"of another kind", d.URL + "/u/plain" + path, own},
		{"at another path", d.URL + "/u/agent-1/card.json", own},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(tt.name, "by ") {
			req.Header.Set("Accept-Encoding", "gzip, br") // which must not reach the agent
			req.Header.Set("Range", "bytes=5-10")
		}
		got := whole(t, plain, req)
		if got.text != tt.want || got.length >= 0 && got.length != int64(len(tt.want)) {
			t.Errorf("%s: got length %d and %s; want %s", tt.name, got.length, got.text, tt.want)
		}
	}
	resp, err := http.Head(d.URL + path)
	if err != nil || resp.StatusCode != http.StatusOK || resp.ContentLength == int64(len(own)) {
		t.Errorf("HEAD: got %v, error %v; want 200 without the length of another card", resp, err)
	}
	if resp, err := http.Get(d.URL + path + "?as=cut"); err == nil {
		_, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil {
			t.Error("got a whole card; want the cut to show")
		}
	}
}

// plain is a client that asks for nothing by itself.
var plain = &http.Client{Transport: &http.Transport{DisableCompression: true}}

// An answered is an answer, read to its end.
type answered struct {
	status int
	header http.Header
	length int64
	text   string
}

func whole(t *testing.T, client *http.Client, req *http.Request) answered {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return answered{}
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(resp.Body); err != nil {
		t.Errorf("%s: %v", req.URL, err)
	}
	return answered{resp.StatusCode, resp.Header, resp.ContentLength, text.String()}
}

// TestAgentAtABaseURL posts to an agent whose whole URL is the upstream's, with no slash behind it.
func TestAgentAtABaseURL(t *testing.T) {
	u := startUpstream(t, false)
	d := serve(t, "", anywhere+entry("agent", "a2a", u.URL+"/echo/agent"))
	for ours, want := range map[string]string{"/u/agent": "/echo/agent", "/u/agent?x=1": "/echo/agent?x=1", "/u/agent/": "/echo/agent/"} {
		at, err := url.Parse(d.URL + ours)
		if err != nil {
			t.Fatal(err)
		}
		got := whole(t, plain, &http.Request{Method: "POST", URL: at, Body: io.NopCloser(strings.NewReader("{}"))})
		if e := decode(t, got.text); e.Target != want {
			t.Errorf("%s: got %s; want %s", ours, e.Target, want)
		}
	}
}
