#!/usr/bin/python3
"""A subsystem of a Reeve node in Python: it stores chunks in memory and says whether it has any of a candidate.
docs/attach.md explains the frames and how to generate the modules that it imports."""
import os
import queue
import threading
import time

import grpc
from reeve.availabilitystore.v1 import query_pb2, store_pb2
from reeve.overseer.v1 import attach_pb2 as bus
from reeve.overseer.v1.envelope_pb2 import Envelope, Failure

out = queue.SimpleQueue()  # frames to the overseer
chunks = set()             # candidates of which we hold a chunk
finished = {}              # lane -> one-way messages that we have finished

HANDLERS = {
    "store_chunk": lambda m: chunks.add(m.candidate) or store_pb2.StoreChunkResponse(),
    "query_data_availability": lambda m: query_pb2.QueryDataAvailabilityResponse(available=m.candidate in chunks),
}


def say(**envelope):
    out.put(bus.SubsystemFrame(envelope=Envelope(**envelope)))


def on_envelope(e):
    variant = e.message.availability_store.WhichOneof("kind")
    handler = HANDLERS.get(variant)
    answer = handler and handler(getattr(e.message.availability_store, variant))
    if e.kind != Envelope.KIND_REQUEST:  # one-way: say that it is done, so that the sender's credit comes back
        finished[e.lane] = finished.get(e.lane, 0) + 1
        out.put(bus.SubsystemFrame(processed=bus.Processed(lanes=[bus.LaneCount(lane=l, count=n) for l, n in finished.items()])))
    elif answer is not None:
        say(kind=Envelope.KIND_REPLY, id=e.id, lane=e.lane, reply=answer.SerializeToString())
    else:
        say(kind=Envelope.KIND_FAILURE, id=e.id, lane=e.lane, failure=Failure(code=Failure.CODE_UNIMPLEMENTED, message="unknown: %s" % variant))


def beat():
    while True:
        time.sleep(1)
        out.put(bus.SubsystemFrame(heartbeat=bus.Heartbeat()))


hello = bus.Hello(protocol_min=1, protocol_max=1, subsystem="availability-store", token=os.environ.get("REEVE_TOKEN", "").encode(),
                  declaration=bus.Declaration(**{"class": bus.Declaration.CLASS_SINGLE}), pid=os.getpid())
out.put(bus.SubsystemFrame(hello=hello))
attach = grpc.insecure_channel(os.environ["REEVE_BUS"]).stream_stream(
    "/reeve.overseer.v1.OverseerService/Attach", bus.AttachRequest.SerializeToString, bus.AttachResponse.FromString)
for batch in attach(bus.AttachRequest(frames=[f]) for f in iter(out.get, None)):  # until the overseer goes
    for frame in batch.frames:
        if frame.WhichOneof("kind") == "attached":
            threading.Thread(target=beat, daemon=True).start()
        elif frame.WhichOneof("kind") == "envelope" and frame.envelope.kind in (Envelope.KIND_UNSPECIFIED, Envelope.KIND_REQUEST):
            on_envelope(frame.envelope)
