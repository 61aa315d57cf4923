/**
 * Makes what may be asked after its component is gone: by an answer that comes late, or by a toast that offers to undo.
 * The deriveds of a class belong to the component in which it is made, and go stale with it; of these nobody disposes
 * but the garbage collector. What is made may hold no effects, which nothing would end.
 */
export function lasting<Made>(make: () => Made): Made {
  let made: Made
  $effect.root(() => {
    made = make()
  })
  return made!
}
