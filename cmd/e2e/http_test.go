package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// curl runs curl and returns what it wrote, with stderr, where -v tells of the conversation.
func curl(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err output
	cmd := exec.CommandContext(t.Context(), "curl", append([]string{"-sS", "--max-time", "60"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &err
	if e := cmd.Run(); e != nil {
		t.Fatalf("curl %q: %v\n%s", args, e, err.String())
	}
	return out.String(), err.String()
}

// echoed is the answer of /echo.
type echoed struct {
	Method, Target, Host, Proto string
	Header, Trailer             http.Header
	Length, Bytes               int64
	Sum                         string
}

func decode(t *testing.T, text string) (e echoed) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatalf("got %q; want the echo: %v", text, err)
	}
	return e
}

// bigFile is 50 MB whose sum is known.
func bigFile(t *testing.T) (name, sum string) {
	t.Helper()
	b := make([]byte, 50<<20)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	name = filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s := sha256.Sum256(b)
	return name, hex.EncodeToString(s[:])
}

func TestUpload50MB(t *testing.T) {
	name, sum := bigFile(t)
	u := startUpstream(t, false)
	for _, tt := range []struct {
		name   string
		args   []string
		length int64
	}{
		{"PUT with a length", []string{"-T", name}, 50 << 20},
		{"POST in chunks, expecting 100", []string{"-X", "POST", "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue", "-T", name}, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			both(t, u, func(t *testing.T, base string) {
				stdout, _ := curl(t, append(tt.args, base+"/echo")...)
				if got := decode(t, stdout); got.Bytes != 50<<20 || got.Sum != sum || got.Length != tt.length {
					t.Errorf("got %d bytes (length %d) with sum %s; want %d (length %d) with %s", got.Bytes, got.Length, got.Sum, 50<<20, tt.length, sum)
				}
			})
		})
	}
}

// TestBigBodiesAreNotKept sends 50 MB up and 50 MB down, and looks at the daemon's memory.
func TestBigBodiesAreNotKept(t *testing.T) {
	name, sum := bigFile(t)
	u := startUpstream(t, false)
	d := serve(t, "", anywhere+entry("test", "http", u.URL))
	before := d.peakMemory(t)
	curl(t, "-T", name, d.URL+"/echo")
	down, _ := curl(t, d.URL+"/big")
	if got := sha256.Sum256([]byte(down)); hex.EncodeToString(got[:]) != sum {
		t.Errorf("got %d other bytes; want those of the upstream", len(down))
	}
	const limit = 32 << 20
	if grown := d.peakMemory(t) - before; grown > limit {
		t.Errorf("the daemon's memory grew by %d MB for bodies of 50 MB; want %d MB at most", grown>>20, limit>>20)
	} else {
		t.Logf("the daemon's memory: %d MB before, %d MB more at the most", before>>20, grown>>20)
	}
}

// peakMemory is the most that the process was resident so far, in bytes; Linux tells it.
func (d *daemon) peakMemory(t *testing.T) (n int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(rest, &n); err != nil {
		t.Fatalf("read VmHWM of %s: %v", status, err)
	}
	return n << 10
}

func TestExpect100(t *testing.T) {
	name, sum := bigFile(t)
	u := startUpstream(t, false)
	both(t, u, func(t *testing.T, base string) {
		stdout, stderr := curl(t, "-v", "-H", "Expect: 100-continue", "--expect100-timeout", "30", "-T", name, base+"/echo")
		if !strings.Contains(stderr, "< HTTP/1.1 100 Continue") {
			t.Errorf("got no 100 Continue:\n%s", stderr)
		}
		if got := decode(t, stdout); got.Sum != sum {
			t.Errorf("got sum %s; want %s", got.Sum, sum)
		}
		stdout, _ = curl(t, "-o", "/dev/null", "-w", "%{http_code} %{size_upload}", "-H", "Expect: 100-continue",
			"--expect100-timeout", "30", "-T", name, base+"/early")
		if stdout != "401 0" {
			t.Errorf("got %q for an upload that is refused; want status 401 and 0 bytes sent", stdout)
		}
	})
}

func TestHeadRangeAndValidator(t *testing.T) {
	u := startUpstream(t, false)
	both(t, u, func(t *testing.T, base string) {
		for _, tt := range []struct {
			name, want string
			args       []string
		}{
			{"head", "200 0 1048576 ", []string{"-I"}},
			{"whole", "200 1048576 1048576 ", nil},
			{"range", "206 100 100 bytes 5-104/1048576", []string{"-r", "5-104"}},
			{"range out of bounds", "416 33 33 bytes */1048576", []string{"-r", "2000000-"}},
			{"not modified", "304 0  ", []string{"-H", `If-None-Match: "pattern"`}},
		} {
			stdout, _ := curl(t, append(tt.args, "-o", "/dev/null", "-w",
				"%{http_code} %{size_download} %header{content-length} %header{content-range}", base+"/file")...)
			if stdout != tt.want {
				t.Errorf("%s: got %q; want %q", tt.name, stdout, tt.want)
			}
		}
	})
}

func TestTrailers(t *testing.T) {
	u := startUpstream(t, false)
	both(t, u, func(t *testing.T, base string) {
		stdout, _ := curl(t, "-i", "-H", "TE: trailers", base+"/trailers")
		if _, rest, _ := strings.Cut(stdout, "first second"); !strings.Contains(rest, "Test-Sum: 42") {
			t.Errorf("got %q; want a trailer behind the body", stdout)
		}
		req, err := http.NewRequestWithContext(t.Context(), "POST", base+"/echo", io.MultiReader(strings.NewReader("body")))
		if err != nil {
			t.Fatal(err)
		}
		req.Trailer = http.Header{"Test-Trailer": {"of the request"}}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := decode(t, string(body)).Trailer.Get("Test-Trailer"); got != "of the request" {
			t.Errorf("got request trailer %q; want %q", got, "of the request")
		}
	})
}

func TestEarlyHints(t *testing.T) {
	u := startUpstream(t, false)
	both(t, u, func(t *testing.T, base string) {
		var links []string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(status int, h textproto.MIMEHeader) error {
				links = append(links, fmt.Sprint(status, " ", h.Get("Link")))
				return nil
			},
		})
		req, err := http.NewRequestWithContext(ctx, "GET", base+"/hints", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if want := []string{"103 </style.css>; rel=preload"}; !slices.Equal(links, want) || resp.StatusCode != http.StatusOK {
			t.Errorf("got %q and status %d; want %q and 200", links, resp.StatusCode, want)
		}
	})
}

// TestPackedBodyStaysPacked compares the bytes of a compressed answer.
func TestPackedBodyStaysPacked(t *testing.T) {
	u := startUpstream(t, false)
	straight, _ := curl(t, u.URL+"/gzip")
	both(t, u, func(t *testing.T, base string) {
		if got, _ := curl(t, base+"/gzip"); got != straight {
			t.Errorf("got %d bytes; want the %d that the upstream sends, unchanged", len(got), len(straight))
		}
		if got, _ := curl(t, "--compressed", base+"/gzip"); got != strings.Repeat("packed ", 1000) {
			t.Errorf("got %d bytes unpacked; want 7000", len(got))
		}
	})
}

// raw opens a connection to base and sends bytes as they are.
func raw(t *testing.T, base, request string) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	at, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", at.Host, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "HOST", at.Host)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn), bufio.NewReader(conn)
}

func TestTargetsPassByteForByte(t *testing.T) {
	u := startUpstream(t, false)
	both(t, u, func(t *testing.T, base string) {
		for _, target := range []string{
			"/echo?", "/echo?a=b;c&d=%zz&&e=%e2%98%83+x", "/echo/%41%2fb//c/./d", "/echo?x=|[]{}'\"<>^`\\",
			"/echo?https://example.com/?a=b", "/echo?a=%00%0d%0a",
		} {
			_, answer := raw(t, base, "GET "+target+" HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")
			resp, err := http.ReadResponse(answer, nil)
			if err != nil {
				t.Errorf("%s: %v", target, err)
				continue
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("%s: got status %d, %q, error %v; want the echo", target, resp.StatusCode, body, err)
				continue
			}
			if got := decode(t, string(body)).Target; got != target {
				t.Errorf("got target %q; want %q", got, target)
			}
		}
	})
}

func TestUpgradePassesBytesBothWays(t *testing.T) {
	u := startUpstream(t, false)
	both(t, u, func(t *testing.T, base string) {
		conn, answer := raw(t, base, "GET /upgrade HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\n"+
			"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGVzdA==\r\n\r\n")
		resp, err := http.ReadResponse(answer, &http.Request{Method: "GET"})
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "websocket" || resp.Header.Get("Sec-WebSocket-Accept") != "dGVzdA==" {
			t.Fatalf("got %d %v; want the upstream's 101", resp.StatusCode, resp.Header)
		}
		for _, sent := range [][]byte{{0x81, 0x02, 'h', 'i'}, bytes.Repeat([]byte{0, 1, 255}, 100_000)} {
			written := make(chan error, 1)
			go func() {
				_, err := conn.Write(sent)
				written <- err
			}()
			got := make([]byte, len(sent))
			if _, err := io.ReadFull(answer, got); err != nil || !bytes.Equal(got, sent) {
				t.Fatalf("got %d bytes back, error %v; want the %d that were sent", len(got), err, len(sent))
			}
			if err := <-written; err != nil {
				t.Fatal(err)
			}
		}
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(answer); err != nil || len(rest) > 0 {
			t.Errorf("got %q, error %v after our side was done; want the end", rest, err)
		}
	})
}

func TestStreamArrivesAtOnce(t *testing.T) {
	u := startUpstream(t, false)
	both(t, u, func(t *testing.T, base string) {
		id := strings.ReplaceAll(t.Name(), "/", "-")
		_, events := heldStream(t, base, id) // which has arrived although the rest is yet to be made
		u.release(t, id)
		var last string
		for events.Scan() {
			if events.Text() != "" {
				last = events.Text()
			}
		}
		if err := events.Err(); err != nil || last != `data: {"type":"message_stop"}` {
			t.Errorf("got last line %q, error %v; want the whole stream", last, err)
		}
	})
}

// TestClientLeaves shows that work which nobody waits for ends, before and after the first byte.
func TestClientLeaves(t *testing.T) {
	u := startUpstream(t, false)
	both(t, u, func(t *testing.T, base string) {
		way := filepath.Base(t.Name())
		conn, _ := raw(t, base, "POST /v1/messages HTTP/1.1\r\nHost: HOST\r\nContent-Length: 16\r\nTest-Id: "+way+"-before\r\n\r\n{\"model\":\"held\"}")
		until(t, "the upstream has the request", func() bool { return u.counts(t).Executed[way+"-before"] == 1 })
		_ = conn.Close()
		left := time.Now()
		until(t, "the upstream sees the client go before an answer", func() bool { return u.counts(t).Cancelled[way+"-before"] == 1 })
		before := time.Since(left)
		resp, _ := heldStream(t, base, way+"-during")
		left = time.Now()
		_ = resp.Body.Close()
		until(t, "the upstream sees the client go during a stream", func() bool { return u.counts(t).Cancelled[way+"-during"] == 1 })
		during := time.Since(left)
		if most := time.Second; before > most || during > most {
			t.Errorf("the upstream was told after %v before an answer and %v during a stream; want %v at most", before, during, most)
		}
	})
}
