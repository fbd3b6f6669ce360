package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A fleet is a number of servers that count what they executed and how often they were dialled.
type fleet struct {
	servers []*httptest.Server
	dials   atomic.Int64

	mu       sync.Mutex // guards executed
	executed map[string]int
}

// startFleet starts n servers; handle answers for the one of that number.
func startFleet(t *testing.T, n int, handle func(f *fleet, n int, w http.ResponseWriter, r *http.Request)) *fleet {
	t.Helper()
	f := &fleet{executed: map[string]int{}}
	for i := range n {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(f, i, w, r) }))
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				f.dials.Add(1)
			}
		}
		s.Start()
		t.Cleanup(s.Close)
		f.servers = append(f.servers, s)
	}
	return f
}

// execute counts a request and returns how often it came so far.
func (f *fleet) execute(id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.executed[id]++
	return f.executed[id]
}

// wantOnce checks that n requests were executed, each of them once.
func (f *fleet) wantOnce(t *testing.T, n int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.executed) != n {
		t.Errorf("%d different requests were executed; want %d", len(f.executed), n)
	}
	for id, times := range f.executed {
		if times != 1 {
			t.Errorf("%s: executed %d times; want once", id, times)
		}
	}
}

// forward is the settings of forward mode that allow these servers and no other.
func (f *fleet) forward() string {
	var allow []string
	for _, s := range f.servers {
		allow = append(allow, fmt.Sprintf("%q", strings.TrimPrefix(s.URL, "http://")))
	}
	return "[forward]\nenabled = true\nallow = [" + strings.Join(allow, ", ") + "]\n"
}

// entries are the settings of the servers as upstreams w-0, w-1 and so on, each with this path and
// these further keys.
func (f *fleet) entries(kind, path, keys string) (s string) {
	for i, server := range f.servers {
		s += entry(fmt.Sprint("w-", i), kind, server.URL+path) + keys
	}
	return s
}

// inRounds calls ask for every server at once, some times over, as a coordinator's rounds go.
func inRounds(rounds, servers int, ask func(round, n int)) {
	for round := range rounds {
		var asking sync.WaitGroup
		for n := range servers {
			asking.Go(func() { ask(round, n) })
		}
		asking.Wait()
	}
}

// byProxy is a client that knows of the daemon only as its HTTP_PROXY.
func byProxy(t *testing.T, d *daemon) *http.Client {
	t.Helper()
	proxy, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestForwardMode lets a coordinator that knows only of HTTP_PROXY ask 32 workers.
func TestForwardMode(t *testing.T) {
	const workers, rounds = 32, 4
	f := startFleet(t, workers, func(f *fleet, n int, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.execute(string(body))
		_, _ = fmt.Fprintf(w, "%d %s %s %s", n, r.Host, r.RequestURI, body)
	})
	d := serve(t, "", anywhere+f.forward())
	client := byProxy(t, d)
	inRounds(rounds, workers, func(round, n int) {
		question := fmt.Sprintf("question %d of round %d", n, round)
		req, err := http.NewRequestWithContext(t.Context(), "POST", f.servers[n].URL+"/ask//a%2Fb?q=%zz", strings.NewReader(question))
		if err != nil {
			t.Error(err)
			return
		}
		want := fmt.Sprintf("%d %s /ask//a%%2Fb?q=%%zz %s", n, strings.TrimPrefix(f.servers[n].URL, "http://"), question)
		if got := whole(t, client, req); got.text != want || got.status != http.StatusOK {
			t.Errorf("got status %d, %q; want %q", got.status, got.text, want)
		}
	})
	f.wantOnce(t, workers*rounds)
	if dials := f.dials.Load(); dials != workers {
		t.Errorf("got %d dials; want one to each of %d workers", dials, workers)
	}
	if got, _ := curl(t, "--proxy", d.URL, "-d", "by curl", f.servers[7].URL+"/ask"); !strings.HasSuffix(got, "/ask by curl") {
		t.Errorf("got %q by curl; want the answer", got)
	}
}

// TestForwardModeRefuses asks for what the allow-list does not hold, and for a tunnel.
func TestForwardModeRefuses(t *testing.T) {
	f := startFleet(t, 2, func(f *fleet, n int, _ http.ResponseWriter, _ *http.Request) { f.execute(fmt.Sprint(n)) })
	inside := strings.TrimPrefix(f.servers[0].URL, "http://")
	outside := strings.TrimPrefix(f.servers[1].URL, "http://")
	d := serve(t, "", anywhere+entry("any", "http", f.servers[0].URL)+"[forward]\nenabled = true\nallow = [\""+inside+"\"]\n")
	own := strings.TrimPrefix(d.URL, "http://")
	for _, tt := range []struct {
		line, code string
		status     int
	}{
		{"POST http://" + outside + "/", "forward_refused", 403},
		{"GET http://169.254.169.254/latest/meta-data/", "forward_refused", 403},
		{"GET http://user@" + inside + "/", "malformed_request", 400},
		{"GET https://" + inside + "/", "forward_refused", 403},
		{"GET http://" + own + "/", "loop", 508},
		{"CONNECT " + inside, "connect_not_supported", 405},
		{"CONNECT " + outside, "connect_not_supported", 405},
	} {
		_, answer := raw(t, d.URL, tt.line+" HTTP/1.1\r\nHost: "+inside+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(answer, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.line, err)
			continue
		}
		if got := resp.Header.Get("X-Millpond-Error"); resp.StatusCode != tt.status || got != tt.code {
			t.Errorf("%s: got %d %s; want %d %s", tt.line, resp.StatusCode, got, tt.status, tt.code)
		}
	}
	f.wantOnce(t, 0)
}

// TestCallers shows that a caller's name stays with us, and that scope "caller" gives each a pool.
func TestCallers(t *testing.T) {
	for scope, want := range map[string]int{"caller": 3, "upstream": 1} {
		t.Run(scope, func(t *testing.T) {
			u := startUpstream(t, false)
			d := serve(t, "", anywhere+"[pool]\nscope = \""+scope+"\"\n"+entry("test", "http", u.URL))
			for range 4 {
				for _, caller := range []string{"planner", "critic", ""} {
					req, err := http.NewRequestWithContext(t.Context(), "POST", d.URL+"/echo", strings.NewReader("{}"))
					if err != nil {
						t.Fatal(err)
					}
					if caller != "" {
						req.Header.Set("X-Millpond-Caller", caller)
					}
					req.Header.Set("X-Millpond-Secret", "ours")
					for name := range decode(t, whole(t, plain, req).text).Header {
						if strings.HasPrefix(name, "X-Millpond") {
							t.Errorf("%s reached the upstream", name)
						}
					}
				}
			}
			if got := u.counts(t).Dials; got != want {
				t.Errorf("got %d dials for 3 callers; want %d", got, want)
			}
			asked := map[string]int{}
			for _, c := range d.stats(t, 12).Callers {
				asked[c.Name] = c.Requests
			}
			if asked["planner"] != 4 || asked["critic"] != 4 || asked["127.0.0.1"] != 4 {
				t.Errorf("got %v; want 4 requests of each caller", asked)
			}
		})
	}
}
