package doctor

import (
	"context"

	"millpond/settings"
)

// spareDescriptors are those for the log, the history, the sockets and the like.
const spareDescriptors = 100

// checkDescriptors looks whether the pool may open as many connections as it is set to.
func checkDescriptors(_ context.Context, v *visit) []Finding {
	s := v.settings()
	if s == nil {
		return nil
	}
	pid := 0
	if v.status != nil {
		pid = v.status.PID
	}
	limit, known := descriptors(pid)
	if !known {
		return nil
	}
	return judgeDescriptors(limit, s.Pool)
}

// judgeDescriptors compares: each connection to an upstream may have one of a client.
func judgeDescriptors(limit uint64, p settings.Pool) []Finding {
	const do = `Lower pool.max_connections, or raise the limit: LimitNOFILE= in the unit, or "ulimit -n" where it is started by hand.`
	switch need := 2*uint64(p.MaxConnections) + spareDescriptors; {
	case limit < 2*spareDescriptors:
		return problem(do, "the daemon may have only %d files and connections open", limit)
	case p.MaxConnections > 0 && limit < need:
		return warn(do, "the daemon may have %d files and connections open, and %d connections to upstreams need %d", limit, p.MaxConnections, need)
	}
	return ok("the daemon may have %d files and connections open", limit)
}
