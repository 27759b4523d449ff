package vmhost

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// parseJob has the VM look at strangers' bytes.
type parseJob struct {
	b       *blocks
	m       *subsystem.Message
	request *pluginv1.ParseBlockRequest
	answer  *pluginv1.ParseBlockResponse
}

func (b *blocks) onParseBlock(m *subsystem.Message, r *pluginv1.ParseBlockRequest) {
	b.queue.add(m, &parseJob{b: b, m: m, request: r})
}

func (j *parseJob) begin(*generation) bool {
	return j.m.Open() && !j.b.held(j.m, j.request.GetContents()...)
}

func (j *parseJob) contents() [][]byte { return j.request.GetContents() }

func (j *parseJob) abandon(e *pluginv1.Error) { refuse(j.m, e) }

func (j *parseJob) call(ctx context.Context, g *generation) (err error) {
	if j.answer, err = g.vm.ParseBlock(ctx, j.request); err != nil {
		return err
	}
	results := j.answer.GetResults()
	if len(results) != len(j.request.GetContents()) {
		return status.Errorf(codes.Internal, "%d results for %d blocks", len(results), len(j.request.GetContents()))
	}
	for _, r := range results {
		if err := sane(r.GetError(), r.GetBlock()); err != nil {
			return err
		}
	}
	return nil
}

func (j *parseJob) finish(g *generation) {
	for i, r := range j.answer.GetResults() {
		if id, ok := hashOf(r.GetBlock().GetId()); ok {
			if _, err := j.b.names.know(j.request.GetContents()[i], id); err != nil {
				refuse(j.m, internal("%s", j.b.queue.life.failed(g, "ParseBlock", err)))
				return
			}
			j.b.contents.add(id, j.request.GetContents()[i])
			g.shown[id] = struct{}{}
		}
	}
	j.m.Reply(j.answer)
}

// maxProcessing bounds the blocks that wait for a decision; an engine keeps far fewer.
const maxProcessing = 1024

// verifyJob makes a block processing.
type verifyJob struct {
	b       *blocks
	m       *subsystem.Message
	request *pluginv1.VerifyBlockRequest
	// content are the block's bytes, from the request or from an earlier one.
	content []byte
	shown   bool
	answer  *pluginv1.VerifyBlockResponse
}

func (b *blocks) onVerifyBlock(m *subsystem.Message, r *pluginv1.VerifyBlockRequest) {
	if _, named := hashOf(r.GetBlockId()); !named && len(r.GetContent()) == 0 {
		refuse(m, invalid("neither an id nor the bytes of a block"))
		return
	}
	b.queue.add(m, &verifyJob{b: b, m: m, request: r})
}

func (j *verifyJob) begin(g *generation) bool {
	if !j.m.Open() {
		return false
	}
	id, named := hashOf(j.request.GetBlockId())
	u, done := j.b.processing[id]
	if named && done && proto.Equal(u.context, j.request.GetContext()) {
		u.wrapped(j.request.GetConsensusBlockId())
		j.m.Reply(&pluginv1.VerifyBlockResponse{Block: u.block})
		return false
	}
	if !done && len(j.b.processing) >= maxProcessing {
		refuse(j.m, busy())
		return false
	}
	if j.content = j.request.GetContent(); len(j.content) == 0 {
		var kept bool
		if named && done { // in another consensus block, into which it may not fit: the VM says
			j.content, kept = u.content, true
		} else {
			j.content, kept = j.b.contents.get(id)
		}
		if !kept {
			refuse(j.m, notFound())
			return false
		}
	}
	_, j.shown = g.shown[id]
	return !j.b.held(j.m, j.content)
}

func (j *verifyJob) contents() [][]byte { return [][]byte{j.content} }

func (j *verifyJob) abandon(e *pluginv1.Error) { refuse(j.m, e) }

// call sends the bytes only to a plugin that hasn't seen them.
func (j *verifyJob) call(ctx context.Context, g *generation) (err error) {
	request := &pluginv1.VerifyBlockRequest{BlockId: j.request.GetBlockId(), Context: j.request.GetContext()}
	if j.shown {
		j.answer, err = g.vm.VerifyBlock(ctx, request)
	}
	if err == nil && (!j.shown || j.answer.GetError().GetNotFound() != nil) {
		request.Content = j.content
		j.answer, err = g.vm.VerifyBlock(ctx, request)
	}
	if err != nil {
		return err
	}
	return sane(j.answer.GetError(), j.answer.GetBlock())
}

func (j *verifyJob) finish(g *generation) {
	j.b.queue.suspects.clear(j.content)
	j.answer.Error = ofTheVM(j.answer.GetError())
	block := j.answer.GetBlock()
	id, ok := hashOf(block.GetId())
	if !ok || j.answer.GetError() != nil {
		j.m.Reply(j.answer)
		return
	}
	known, err := j.b.names.know(j.content, id)
	if err != nil {
		refuse(j.m, internal("%s", j.b.queue.life.failed(g, "VerifyBlock", err)))
		return
	}
	if block.GetHeight() > j.b.store.Last().Height {
		u := &undecided{block: block, content: j.content, context: j.request.GetContext(), confirmed: known}
		j.b.remember(id, u, j.request.GetConsensusBlockId())
	}
	j.m.Reply(j.answer)
}
