package vmtest

import (
	"bytes"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// checks are all of them, the simplest first.
var checks = []check{
	{"describe", "The plugin says who it is, before anything else.", describe},
	{"genesis", "Initialize on an empty disk gives a block of height 0 that ParseBlock reads.", genesis},
	{"build", "BuildBlock gives a block on the preferred one, or says that there is nothing to build.", build},
	{"parse", "ParseBlock gives the same block for the same bytes.", parse},
	{"one-id", "The same bytes have one id, however often they are parsed, also after a restart.", oneID},
	{"malformed", "ParseBlock refuses bytes that aren't a block and lives on.", malformed},
	{"verify-pure", "Verify changes nothing: siblings are verified in any order, only the accepted counts.",
		verifyPure},
	{"children", "A block can be built and verified on one that isn't decided yet.", children},
	{"preference", "BuildBlock follows the preference.", preference},
	{"missing-parent", "A block whose parent isn't known is no verdict.", missingParent},
	{"determinism", "Two VMs that are given the same blocks have the same ids and the same state.", determinism},
	{"crash", "A VM killed between any two calls goes on where the record ends, and arrives at the same state.", crash},
	{"states", "The VM follows the engine's stages, back to bootstrapping too.", states},
	{"strangers", "App messages of strangers, whatever they are, harm nothing and hold up no block call.", strangers},
	{"gossip", "Gossip that no honest node sends is answered as invalid, so that its sender pays.", gossip},
	{"committed", "Users are shown a block when it is committed, and not when it is accepted.", committed},
	{"http", "HTTP handlers serve beside block calls, and only the host.", httpBeside},
	{"shutdown", "Shutdown is answered, and the plugin ends by itself.", shutdown},
}

func describe(k *kit) {
	s := k.start()
	a := call(s, "Describe", &pb.DescribeRequest{}, s.vm.Describe)
	if a.GetName() == "" || a.GetVersion() == "" {
		k.fail("its name is %q, its version %q", a.GetName(), a.GetVersion())
	}
	k.report.Name, k.report.Version = a.GetName(), a.GetVersion()
	call(s, "Ping", &pb.PingRequest{}, s.vm.Ping)
	health := call(s, "HealthCheck", &pb.HealthCheckRequest{}, s.vm.HealthCheck)
	if !health.GetHealthy() {
		k.fail("a VM that has just begun isn't healthy: %s", health.GetCause())
	}
}

func genesis(k *kit) {
	s := k.start()
	if s.last.GetHeight() != 0 || len(s.last.GetId()) != 32 {
		k.fail("the genesis block has height %d and an id of %d bytes", s.last.GetHeight(), len(s.last.GetId()))
	}
	b, e := s.parse(s.last.GetContent())
	s.must("ParseBlock of the genesis block", e)
	if !bytes.Equal(b.GetId(), s.last.GetId()) || b.GetHeight() != 0 {
		k.fail("Initialize returned %s, its bytes are %s", described(s.last), described(b))
	}
	a := call(s, "LastAccepted", &pb.LastAcceptedRequest{}, s.vm.LastAccepted)
	if !bytes.Equal(a.GetBlock().GetId(), s.last.GetId()) {
		k.fail("LastAccepted is %s", short(a.GetBlock().GetId()))
	}
}

func build(k *kit) {
	s := k.start()
	if k.options.Work != nil {
		if b, e := s.tryBuild(1); e.GetNothingToBuild() == nil {
			k.fail("without work BuildBlock returned %s; it should be ErrNothingToBuild", outcome(b, e))
		}
	}
	s.work(0)
	b := s.build(2)
	if !bytes.Equal(b.GetParentId(), s.last.GetId()) || b.GetHeight() != 1 {
		k.fail("BuildBlock returned %s; the preferred block is %s of height 0", described(b), short(s.last.GetId()))
	}
	s.verify(b)
	s.accept(b)
	a := call(s, "LastAccepted", &pb.LastAcceptedRequest{}, s.vm.LastAccepted)
	if a.GetBlock().GetHeight() != 1 {
		k.fail("after accepting the first block LastAccepted has height %d", a.GetBlock().GetHeight())
	}
}

func parse(k *kit) {
	s := k.start()
	blocks := s.grow(2)
	other := k.start()
	for _, b := range blocks {
		for range 2 {
			got, e := other.parse(b.GetContent())
			other.must("ParseBlock", e)
			want := proto.CloneOf(b)
			want.Content = nil
			got.Content = nil
			if !proto.Equal(got, want) {
				k.fail("BuildBlock returned %s, parsed it is %s", described(want), described(got))
			}
		}
	}
}

// malformed tries truncations, bytes left over, and many changes. A change may make another block; what it may not do
// is end the VM or keep the id.
func malformed(k *kit) {
	s := k.start()
	content := s.grow(1)[0].GetContent()
	id, _ := s.parse(content)
	for _, bad := range []struct {
		what    string
		content []byte
	}{
		{"no bytes", nil}, {"one byte", []byte{0}}, {"a text", []byte("not a block")},
		{"4,096 bytes of ff", bytes.Repeat([]byte{0xff}, 4096)},
		{"a block without its last byte", content[:len(content)-1]},
		{"a block with a byte too many", append(bytes.Clone(content), 0)},
	} {
		if b, e := s.parse(bad.content); e.GetInvalidBlock() == nil {
			k.fail("ParseBlock of %s returned %s; any plain error would do", bad.what, outcome(b, e))
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		changed := bytes.Clone(content)
		changed[rng.IntN(len(changed))] ^= byte(1 + rng.IntN(255))
		if b, e := s.parse(changed); e == nil && bytes.Equal(b.GetId(), id.GetId()) {
			k.fail("a block with one byte changed has the id of the block, %s", short(b.GetId()))
		}
	}
	s.parse(content)
}

func verifyPure(k *kit) {
	plain := k.start()
	b, c := plain.siblings()
	plain.verify(c)
	plain.accept(c)
	want := plain.state()
	for _, order := range [][]*pb.Block{{b, c}, {c, b}} {
		s := k.start()
		before := s.state()
		for _, x := range order {
			s.verify(x)
			s.verify(x)
		}
		if d := s.state().differs(before); d != "" {
			k.fail("Verify wrote to the database: %s", d)
		}
		s.accept(c)
		s.reject(b)
		if d := s.state().differs(want); d != "" {
			k.fail("after accepting %s the state is another when its sibling %s was verified, too: %s",
				short(c.GetId()), short(b.GetId()), d)
		}
	}
}

func children(k *kit) {
	s := k.start()
	s.work(0)
	a := s.build(1)
	s.verify(a)
	s.prefer(a)
	s.work(1)
	b := s.build(2)
	if !bytes.Equal(b.GetParentId(), a.GetId()) || b.GetHeight() != 2 {
		k.fail("on the undecided block %s BuildBlock returned %s", short(a.GetId()), described(b))
	}
	s.verify(b)
	s.accept(a)
	s.accept(b)
}

func preference(k *kit) {
	s := k.start()
	b, c := s.siblings()
	s.verify(b)
	s.verify(c)
	for i, x := range []*pb.Block{b, c, b} {
		s.prefer(x)
		s.work(1 + i)
		child, e := s.tryBuild(300 + i)
		if e.GetNothingToBuild() != nil {
			continue
		}
		s.must("BuildBlock", e)
		if !bytes.Equal(child.GetParentId(), x.GetId()) {
			k.fail("%s is preferred, BuildBlock built on %s", short(x.GetId()), short(child.GetParentId()))
		}
	}
}

func missingParent(k *kit) {
	blocks := k.start().grow(2)
	s := k.start()
	if e := s.tryVerify(blocks[1]); e.GetMissingParent() == nil {
		k.fail("verifying a block before its parent returned %s; it should be a missing parent", outcome(blocks[1], e))
	}
	s.verify(blocks[0])
	s.verify(blocks[1])
}
