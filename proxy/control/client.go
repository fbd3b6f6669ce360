package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"millpond/settings"
)

// Host is the only Host that the control server answers to.
const Host = "millpond"

// maxAnswer bounds what the client reads of one answer: bytes. A status with a
// hundred upstreams is about 100 KB.
const maxAnswer = 16 << 20

// A Client asks the daemon at a control socket. It keeps no state but idle
// connections and may be used by many goroutines. Use Dial.
type Client struct {
	path string
	http *http.Client
}

// Dial returns a client of the socket at path. It connects when it is asked
// something, so the daemon may come and go. Close gives back its connections.
func Dial(path string) *Client { return newClient(path, DialSocket) }

// DialPublic returns a client of the machine's daemon at its public socket, which answers
// Status alone. It may belong to any user who has the socket's folder.
func DialPublic(path string) *Client { return newClient(path, dialPublic) }

func newClient(path string, dial func(ctx context.Context, path string) (net.Conn, error)) *Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, path) },
		Proxy:       nil, // the environment's HTTP_PROXY is not for us
	}
	return &Client{path: path, http: &http.Client{Transport: transport}}
}

// Close closes the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status asks for the present status. The error is ErrNotRunning when nobody
// listens.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.ask(ctx, http.MethodGet, "/v1/status", nil, &s)
	return s, err
}

// Watch yields the present status at once and then the newest one whenever
// something changed, counts included, at most once in every; 0 means a second.
// It ends with an error when the connection does, and without one when ctx is
// done or the caller breaks off. Statuses may be skipped.
func (c *Client) Watch(ctx context.Context, every time.Duration) iter.Seq2[Status, error] {
	return func(yield func(Status, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		err := c.watch(ctx, every, func(s Status) bool { return yield(s, nil) })
		if err != nil && ctx.Err() == nil {
			yield(Status{}, err)
		}
	}
}

// watch calls show for every status that arrives until show returns false,
// which is no error.
func (c *Client) watch(ctx context.Context, every time.Duration, show func(Status) bool) error {
	path := "/v1/watch"
	if every > 0 {
		path += "?every=" + url.QueryEscape(every.String())
	}
	err := c.lines(ctx, http.MethodGet, path, nil, func(d *json.Decoder) (bool, error) {
		var s Status
		err := d.Decode(&s)
		return err == nil && show(s), err
	})
	if err != nil {
		return fmt.Errorf("watch the daemon: %w", err)
	}
	return nil
}

// lines asks for an answer of many lines of JSON and calls next for each, until it
// returns false. An answer that ends before is that of a daemon which went away.
func (c *Client) lines(ctx context.Context, method, path string, body any, next func(*json.Decoder) (more bool, err error)) error {
	answer, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	decoder := json.NewDecoder(answer.Body)
	for {
		switch more, err := next(decoder); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return ErrNotRunning
		case err != nil:
			return notRunning(err)
		case !more:
			return nil
		}
	}
}

// Pause makes the proxy refuse requests at once until Resume.
func (c *Client) Pause(ctx context.Context) error {
	return c.ask(ctx, http.MethodPost, "/v1/pause", nil, nil)
}

// Resume ends a pause.
func (c *Client) Resume(ctx context.Context) error {
	return c.ask(ctx, http.MethodPost, "/v1/resume", nil, nil)
}

// FlushIdle closes every idle connection to the upstreams.
func (c *Client) FlushIdle(ctx context.Context) error {
	return c.ask(ctx, http.MethodPost, "/v1/flush-idle", nil, nil)
}

// PutSettings replaces the settings. The revision is that of the status which
// the edit was made from: a stale one is refused with ErrStale. Wrong settings
// are refused with an *Error that lists them all, and settings of another version than
// the daemon's with ErrDaemonOlder or ErrClientOlder. Either way nothing changes.
func (c *Client) PutSettings(ctx context.Context, revision uint64, s *settings.Settings) error {
	return c.ask(ctx, http.MethodPut, "/v1/settings", &Edit{Revision: revision, Settings: s}, nil)
}

// Edit is the body of PUT /v1/settings.
type Edit struct {
	Revision uint64             `json:"revision"` // of the status that the edit was made from
	Settings *settings.Settings `json:"settings"`
}

// ask sends body as JSON, if any, and reads the answer into out, if not nil.
func (c *Client) ask(ctx context.Context, method, path string, body, out any) error {
	answer, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("read the daemon's answer to %s: %w", path, err)
	}
	return nil
}

// send returns a successful answer, whose body the caller closes, or an error.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("write the question %s: %w", path, err)
		}
		text = bytes.NewReader(b)
	}
	question, err := http.NewRequestWithContext(ctx, method, "http://"+Host+path, text)
	if err != nil {
		return nil, err
	}
	TellVersions(question.Header)
	answer, err := c.http.Do(question)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon at %s: %w", c.path, notRunning(err))
	}
	err = judgePeer(answer.Header)
	if err == nil && answer.StatusCode/100 == 2 {
		return answer, nil
	}
	defer answer.Body.Close()
	if err != nil {
		return nil, err
	}
	return nil, refusal(answer)
}

// refusal reads the error that the daemon answered with.
func refusal(answer *http.Response) error {
	e := &Error{Status: answer.StatusCode}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil || json.Unmarshal(text, e) != nil || e.Message == "" {
		e.Message = "the daemon answered " + answer.Status
	}
	return explain(e, answer)
}

// notRunning turns the errors that mean an absent daemon into ErrNotRunning: no
// socket, a socket that nobody listens on, and a daemon that went away while it
// was asked.
func notRunning(err error) error {
	if errors.Is(err, ErrNotRunning) {
		return err
	}
	absent := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if !absent {
		return err
	}
	return fmt.Errorf("%w (%v)", ErrNotRunning, err)
}
