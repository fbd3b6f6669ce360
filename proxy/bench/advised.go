package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// adviceItem is what is read of a piece of advice.
type adviceItem struct {
	ID       string `json:"id"`
	Sentence string `json:"sentence"`
	Patch    []struct{ Key, From, To string }
}

// takeAdvice asks the Millpond of a run for its advice, by the command that a person would use, and
// applies what it can: it knows nothing but its own statistics of what was asked so far.
func (r *fanoutRun) takeAdvice(ctx context.Context) error {
	text, err := r.millpond.command(ctx, r.f.o, "advise", "--json")
	if err != nil {
		return err
	}
	var advice struct{ Items []adviceItem }
	if err := json.Unmarshal(text, &advice); err != nil {
		return fmt.Errorf("read Millpond's advice: %w", err)
	}
	var said []string
	for _, item := range advice.Items {
		if len(item.Patch) == 0 {
			continue
		}
		if _, err := r.millpond.command(ctx, r.f.o, "advise", "apply", item.ID); err != nil {
			return err
		}
		said = append(said, item.inWords())
	}
	if len(said) == 0 {
		return errors.New("the advice found nothing to change; more --questions or a smaller --max-idle make a pool that does not fit")
	}
	if r.round == 0 {
		r.f.said = append(r.f.said, fmt.Sprintf("%s: Millpond's advice was %s", r.f.title(r.variant), strings.Join(said, " And ")))
	}
	return nil
}

func (i adviceItem) inWords() string {
	var changes []string
	for _, c := range i.Patch {
		changes = append(changes, fmt.Sprintf("%s from %s to %s", c.Key, c.From, c.To))
	}
	return fmt.Sprintf("%s: %s Applied: %s.", i.ID, i.Sentence, strings.Join(changes, ", "))
}

// command runs one of this program's commands on the Millpond, and returns what it printed.
func (m *millpond) command(ctx context.Context, o Options, args ...string) ([]byte, error) {
	cmd := o.Command(args...)
	cmd.Env = m.cmd.Env
	out, err := cmd.Output() // the command bounds its own wait
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("millpondd %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}
