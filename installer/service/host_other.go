//go:build !windows

package service

import (
	"context"
	"io"
)

func host(ctx context.Context, run func(context.Context) error) error { return run(ctx) }

func eventLog() io.Writer { return nil }
