package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"millpond/proxy/bench"
)

// ownFlags are for a benchmark of an upstream of the user's.
type ownFlags struct {
	bench.OwnConfig
	head     bool
	postBody string
	yes      bool
}

// onlyOwn are flags that mean something with --url alone.
var onlyOwn = []string{"requests", "head", "post-body", "yes"}

// notOwn are flags that mean nothing with --url.
var notOwn = []string{"agents", "questions", "workers", "think", "round-trip", "max-idle", "advise", "variants"}

func (f *ownFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.URL, "url", "", "ask the upstream at this `ADDRESS`, which is yours to ask, instead")
	c.Flags().IntVar(&f.Requests, "requests", bench.OwnRequests, "with --url: at most so many in all")
	c.Flags().BoolVar(&f.head, "head", false, "with --url: send HEAD instead of GET")
	c.Flags().StringVar(&f.postBody, "post-body", "", "with --url: send POST with the content of `FILE`; it may cost what such a request costs")
	c.Flags().BoolVar(&f.yes, "yes", false, "with --url: do not ask before sending")
	c.MarkFlagsMutuallyExclusive("head", "post-body")
	for _, name := range notOwn {
		c.MarkFlagsMutuallyExclusive("url", name)
	}
}

// check refuses flags that would be ignored.
func (f *ownFlags) check(c *cobra.Command) error {
	for _, name := range onlyOwn {
		if f.URL == "" && c.Flags().Changed(name) {
			return &failure{code: exitUsage, err: fmt.Errorf("--%s needs --url", name), next: "Name the upstream to ask."}
		}
	}
	return nil
}

// benchOwn asks whether the requests may be sent, and runs the benchmark.
func (a *app) benchOwn(c *cobra.Command, f benchFlags, own ownFlags) error {
	own.Concurrency, _ = c.Flags().GetInt("concurrency") // 0 when it was not given
	if own.head {
		own.Method = http.MethodHead
	}
	if own.postBody != "" {
		body, err := os.ReadFile(own.postBody)
		if err != nil {
			return failed(err, "")
		}
		own.Body = body
	}
	if err := own.Check(); err != nil {
		return benchError(err)
	}
	fmt.Fprintln(a.std.err, own.Plan())
	if !own.yes && !a.agreed() {
		return &failure{code: exitRefused, err: errors.New("nothing was sent"), next: "Answer y, or add --yes, if you may send this to that upstream."}
	}
	return a.bench(c.Context(), f, func(ctx context.Context, o bench.Options) (*bench.Report, error) {
		return bench.Own(ctx, o, own.OwnConfig)
	})
}

// agreed asks a question that only y or yes answers.
func (a *app) agreed() bool {
	fmt.Fprint(a.std.err, "Go on? [y/N] ")
	line, _ := bufio.NewReader(a.std.in).ReadString('\n') // no line is no
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true
	}
	return false
}
