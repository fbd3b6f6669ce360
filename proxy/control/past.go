package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// MostLogLines is how many of the last lines of the log can be asked for.
const MostLogLines = 10_000

// Log returns the last lines of the log, the oldest first; MostLogLines at most, and
// fewer when there are not so many.
func (c *Client) Log(ctx context.Context, lines int) ([]string, error) {
	answer, err := c.send(ctx, http.MethodGet, "/v1/log?lines="+strconv.Itoa(lines), nil)
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	defer answer.Body.Close()
	found := []string{}
	decoder := json.NewDecoder(answer.Body)
	for {
		var line string
		switch err := decoder.Decode(&line); {
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return nil, fmt.Errorf("read the log: %w", notRunning(err))
		}
		found = append(found, line)
	}
}

// FollowLog yields the last lines of the log and then each line as it is written. It ends
// with an error when the connection does, and without one when ctx is done or the caller
// breaks off.
func (c *Client) FollowLog(ctx context.Context, lines int) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		err := c.lines(ctx, http.MethodGet, "/v1/log?follow=1&lines="+strconv.Itoa(lines), nil, func(d *json.Decoder) (bool, error) {
			var line string
			err := d.Decode(&line)
			return err == nil && yield(line, nil), err
		})
		if err != nil && ctx.Err() == nil {
			yield("", fmt.Errorf("follow the log: %w", err))
		}
	}
}

// HistoryOf returns how requests went over a window, Window1h, Window24h or Window28d: of
// all upstreams when the name is "", else of one. One that was removed from the settings
// is known as long as the history goes back.
func (c *Client) HistoryOf(ctx context.Context, window, upstream string) (Series, error) {
	var s Series
	q := url.Values{"window": {window}, "upstream": {upstream}}
	err := c.ask(ctx, http.MethodGet, "/v1/history?"+q.Encode(), nil, &s)
	return s, err
}

// Diagnostics writes a bundle of diagnostics to w: a zip archive without secrets, for who
// is asked to help. It takes as long as the slowest upstream takes to answer.
func (c *Client) Diagnostics(ctx context.Context, w io.Writer) error {
	answer, err := c.send(ctx, http.MethodGet, "/v1/diagnostics", nil)
	if err != nil {
		return fmt.Errorf("get diagnostics: %w", err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(w, answer.Body); err != nil {
		return fmt.Errorf("get diagnostics: %w", err)
	}
	return nil
}
