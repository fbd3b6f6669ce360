package service

import "context"

// Host runs the daemon as its service manager wants it. On Windows, for the service, that is with
// Windows telling when to stop; everywhere else managers send signals, which end ctx. It returns what run returns,
// after run has ended.
func Host(ctx context.Context, run func(context.Context) error) error { return host(ctx, run) }
