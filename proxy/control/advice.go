package control

import (
	"context"
	"net/http"
)

// Advice asks what would make things better, and what became of the advice that was taken.
func (c *Client) Advice(ctx context.Context) (Advice, error) {
	var a Advice
	err := c.ask(ctx, http.MethodGet, "/v1/advice", nil, &a)
	return a, err
}

// ApplyAdvice makes the change that a piece of advice proposes. The revision is that of the
// status which the advice was shown beside: a stale one is refused with ErrStale. Advice whose
// situation is over, or that only a person can act on, is refused with an *Error.
func (c *Client) ApplyAdvice(ctx context.Context, revision uint64, id string) error {
	return c.ask(ctx, http.MethodPost, "/v1/advice/apply", &Taking{Revision: revision, ID: id}, nil)
}

// UndoAdvice sets back exactly what a piece of advice changed. It is refused with ErrStale as
// ApplyAdvice is, and with an *Error when a person has changed those settings since.
func (c *Client) UndoAdvice(ctx context.Context, revision uint64, id string) error {
	return c.ask(ctx, http.MethodPost, "/v1/advice/undo", &Taking{Revision: revision, ID: id}, nil)
}

// Taking is the body of a question that applies one thing of a list, or takes it back.
type Taking struct {
	Revision uint64 `json:"revision"` // of the status that it was decided from
	ID       string `json:"id"`
}
