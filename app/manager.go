package app

import (
	"context"

	"millpond/app/model"
	"millpond/installer/service"
)

// manager returns the daemon as this user's service. The error says why this machine
// cannot have one.
func (c Config) manager() (manager, error) {
	program, err := daemonProgram()
	if err != nil {
		return nil, err
	}
	s, err := service.New(service.Config{
		Kind: service.User, Program: program,
		Paths: service.Paths{Settings: c.Settings, State: c.State, Control: c.Socket},
	})
	if err != nil {
		return nil, err
	}
	return registered{s}, nil
}

// registered is a service that tells of itself as the model wants it.
type registered struct{ *service.Service }

// facts asks the service's manager how it stands.
func (r registered) facts(ctx context.Context) model.ServiceFacts {
	s, err := r.Status(ctx)
	f := model.ServiceFacts{
		Asked: true, Manager: s.Manager, Program: s.Program, Detail: s.Detail, Installed: s.Installed,
		Running: s.Running, Failing: s.Failing, Missing: s.ProgramMissing, PID: s.PID, Linger: s.Linger,
	}
	if err != nil {
		f.Bad = err.Error()
	}
	return f
}
