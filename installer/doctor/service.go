package doctor

import (
	"context"
	"errors"

	"millpond/installer/service"
)

// checkService looks whether the system keeps the daemon running.
func checkService(ctx context.Context, v *visit) []Finding {
	st, err := v.Service(ctx)
	switch {
	case v.machine != nil && !st.Installed:
		return nil
	case v.machine != nil:
		return warn(`Remove it with "millpondd service uninstall", or give it another listen.address.`, "you have a service of your own beside the machine's, which serves")
	case errors.Is(err, service.ErrNoManager):
		return warn(`Start "millpondd serve" by what this machine starts programs with.`, "%v", err)
	case err != nil:
		return problem("See whether the service manager works.", "the service manager cannot be asked: %v", err)
	}
	return judgeService(st, v.status != nil)
}

// judgeService says what the state of the service means; answers says that a daemon does.
func judgeService(st service.Status, answers bool) []Finding {
	switch {
	case !st.Installed && answers:
		return warn(`Install it with "millpondd service install".`, "the daemon runs, but not as a service: it ends with whoever started it and does not come back")
	case !st.Installed:
		return warn(`Install it with "millpondd service install".`, "the service is not installed, so nothing starts the daemon")
	case st.ProgramMissing:
		return problem(`Install it again from where millpondd is now: "millpondd service install".`, "the service's program %s is gone", st.Program)
	case st.Failing:
		return problem(`See "millpondd logs", mend that, and then "millpondd service restart".`, "the service fails: %s", st.Detail)
	case !st.Running && answers:
		return warn(`Stop the other daemon, and then "millpondd service start".`, "the service is installed and does not run; the daemon that answers was started otherwise")
	case !st.Running:
		return problem(`Start it with "millpondd service start".`, "the service is installed and does not run%s", because(st.Detail))
	case !st.Enabled:
		return warn(`Install it anew with "millpondd service install".`, "the service runs, but does not start by itself")
	case st.Restarts > 0:
		return warn(`See in "millpondd logs" why it ended.`, "the service runs; the system had to start it again %d times", st.Restarts)
	case st.Linger != nil && !*st.Linger:
		return ok("the service runs; it starts at login and ends with the session (\"millpondd service install --linger\" starts it with the machine)")
	}
	return ok("the service runs (%s)", st.Manager)
}

func because(detail string) string {
	if detail == "" {
		return ""
	}
	return ": " + detail
}
