package vmhost

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem"
)

// question is a job that passes a request on to the plugin.
type question[R proto.Message] struct {
	m   *subsystem.Message
	ask func(ctx context.Context, g *generation) (R, error)
	// reply runs on the loop with the plugin's answer; nil: the asker gets it as it is.
	reply  func(r R)
	answer R
}

func (q *question[R]) begin(*generation) bool { return q.m.Open() }

func (q *question[R]) call(ctx context.Context, g *generation) (err error) {
	q.answer, err = q.ask(ctx, g)
	return err
}

func (q *question[R]) finish(*generation) {
	if q.reply == nil {
		q.m.Reply(q.answer)
		return
	}
	q.reply(q.answer)
}
