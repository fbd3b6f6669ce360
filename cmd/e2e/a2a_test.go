package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/a2aproject/a2a-go/a2a"
	"github.com/a2aproject/a2a-go/a2aclient"
	"github.com/a2aproject/a2a-go/a2aclient/agentcard"
)

// TestA2A lets a coordinator ask 32 agents 100 questions, all at once; the A2A project's own
// client and server are at the ends.
func TestA2A(t *testing.T) {
	const agents, questions = 32, 100
	var workers struct {
		Addresses []string
		Control   string
	}
	start(t, os.Environ(), programs.workers, "-n", fmt.Sprint(agents)).report(t, &workers)
	settings := anywhere
	for i, address := range workers.Addresses {
		settings += entry(fmt.Sprintf("worker-%d", i+1), "a2a", "http://"+address)
	}
	test := func(t *testing.T, way string, agent func(n int) string) {
		coordinator := &coordinator{http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: agents}}}
		var asking sync.WaitGroup
		for i := range questions {
			asking.Go(func() {
				question, n := fmt.Sprintf("%s question %d", way, i), i%agents
				want := fmt.Sprintf("worker-%d answers: %s", n+1, question)
				if got, err := coordinator.ask(t, agent(n), question, i%2 == 1); got != want || err != nil {
					t.Errorf("got %q, error %v; want %q", got, err, want)
				}
			})
		}
		asking.Wait()
		coordinator.http.CloseIdleConnections() // those that were never used would delay the daemon's end by 5 s
		var executed map[string]int
		getJSON(t, "http://"+workers.Control, &executed)
		for i := range questions {
			question := fmt.Sprintf("%s question %d", way, i)
			if n := executed[question]; n != 1 {
				t.Errorf("%s: executed %d times; want once", question, n)
			}
		}
	}
	t.Run("direct", func(t *testing.T) {
		test(t, "direct", func(n int) string { return "http://" + workers.Addresses[n] + "/" })
	})
	t.Run("through", func(t *testing.T) {
		d := serve(t, "", settings)
		test(t, "through", func(n int) string { return fmt.Sprintf("%s/u/worker-%d/", d.URL, n+1) })
	})
}

// A coordinator asks agents by way of one shared client.
type coordinator struct{ http *http.Client }

// ask reads the agent's card at base, asks where the card says, and returns the answer. The card
// must lead back to base: one that names the agent's own address leads past the proxy.
func (c *coordinator) ask(t *testing.T, base, question string, stream bool) (string, error) {
	card, err := agentcard.NewResolver(c.http).Resolve(t.Context(), base)
	if err != nil {
		return "", fmt.Errorf("read the card: %w", err)
	}
	if !strings.HasPrefix(card.URL, base) {
		return "", fmt.Errorf("the card of %s leads to %s", base, card.URL)
	}
	client, err := a2aclient.NewFromCard(t.Context(), card, a2aclient.WithJSONRPCTransport(c.http))
	if err != nil {
		return "", fmt.Errorf("make a client: %w", err)
	}
	params := &a2a.MessageSendParams{Message: a2a.NewMessage(a2a.MessageRoleUser, a2a.TextPart{Text: question})}
	if !stream {
		result, err := client.SendMessage(t.Context(), params)
		return textOf(result), err
	}
	var answer string
	for event, err := range client.SendStreamingMessage(t.Context(), params) {
		if err != nil {
			return answer, err
		}
		answer += textOf(event)
	}
	return answer, nil
}

// textOf returns the words of a message, and nothing of any other event.
func textOf(event any) (words string) {
	message, ok := event.(*a2a.Message)
	if !ok {
		return ""
	}
	for _, part := range message.Parts {
		if text, ok := part.(a2a.TextPart); ok {
			words += text.Text
		}
	}
	return words
}
