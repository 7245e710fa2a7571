// Sequence arithmetic near every wrap.
#include <gtest/gtest.h>

#include "support/generators.h"

namespace mirrorlab::wire {
namespace {
using testing::seq;

RC_GTEST_PROP(SeqProperty, UnwrapUndoesWrapForAnyHintWithinHalfTheSpace, ()) {
  const Seq zero = *seq();
  const int64_t offset =
      *rc::gen::inRange<int64_t>(-(int64_t{1} << 34), int64_t{1} << 40) + (*seq()).raw();
  const int64_t away = *rc::gen::oneOf(
      rc::gen::inRange<int64_t>(-(int64_t{1} << 31) + 1, int64_t{1} << 31),
      rc::gen::element<int64_t>(0, 1, -1, (int64_t{1} << 31) - 1, -(int64_t{1} << 31) + 1));
  RC_ASSERT(unwrap(wrap(offset, zero), zero, offset + away) == offset);
}

RC_GTEST_PROP(SeqProperty, UnwrapGivesTheOffsetNearestTheHint, ()) {
  const Seq zero = *seq();
  const Seq value = *seq();
  const int64_t near = *rc::gen::inRange<int64_t>(-(int64_t{1} << 40), int64_t{1} << 40);
  const int64_t offset = unwrap(value, zero, near);
  RC_ASSERT(wrap(offset, zero) == value);
  RC_ASSERT(offset - near >= -(int64_t{1} << 31));
  RC_ASSERT(offset - near < int64_t{1} << 31);
}

RC_GTEST_PROP(SeqProperty, ExactlyOneOfBeforeEqualAfter, ()) {
  const Seq a = *seq();
  const Seq b = *seq();
  RC_PRE(b.raw() - a.raw() != 1U << 31U);  // RFC 9293 3.4: half the space apart is undefined
  RC_ASSERT((a.before(b) ? 1 : 0) + (a == b ? 1 : 0) + (a.after(b) ? 1 : 0) == 1);
  RC_ASSERT(a.before(b) == b.after(a));
  RC_ASSERT(a.at_or_before(b) == !a.after(b));
  RC_ASSERT(a.at_or_after(b) == !a.before(b));
  RC_ASSERT(a.since(b) == -b.since(a));
}

RC_GTEST_PROP(SeqProperty, GoingOnIsAfterAndComesBack, ()) {
  const Seq a = *seq();
  const auto n = *rc::gen::inRange<uint32_t>(1, 1U << 31U);
  RC_ASSERT((a + n).after(a));
  RC_ASSERT((a + n).since(a) == static_cast<int32_t>(n));
  RC_ASSERT(a + n - n == a);
}

}  // namespace
}  // namespace mirrorlab::wire
