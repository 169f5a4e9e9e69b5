// Tables sort by their headers; a seed that is pointed at, clicked or reached by the arrow keys shows in every figure;
// links open what is folded.
(() => {
  const all = (query, within = document) => [...within.querySelectorAll(query)]

  // A cell's place: its first number with its unit; text by the alphabet; what is not known comes last.
  const units = { k: 1e3, M: 1e6, B: 1e9, T: 1e12 }
  const value = text => {
    const plain = text.replace(/\u2212/g, '-').replace(/\s/g, ' ').trim()
    if (plain === '' || plain === '–' || plain === 'no test') return null
    if (plain.startsWith('∞')) return Infinity
    const found = plain.match(/^(?:p )?[<=]? ?(-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?)([kMBT](?![a-z]))?/)
    return found ? Number(found[1].replace(/,/g, '')) * (units[found[2]] || 1) : plain.toLowerCase()
  }
  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null)
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0
    return typeof a === 'number' ? -1 : 1
  }
  for (const table of all('table.numbers')) {
    const body = table.tBodies[0]
    const given = [...body.rows]
    const headers = all('thead th', table)
    headers.forEach((header, column) => {
      const button = document.createElement('button')
      button.type = 'button'
      button.title = 'Sort'
      button.append(...header.childNodes)
      header.append(button)
      button.addEventListener('click', () => {
        const now = header.getAttribute('aria-sort')
        const next = now === 'ascending' ? 'descending' : now === 'descending' ? null : 'ascending'
        for (const other of headers) other.removeAttribute('aria-sort')
        if (next === null) return body.append(...given)
        header.setAttribute('aria-sort', next)
        const rows = given.map(row => [value(row.cells[column].textContent), row])
        const turn = next === 'ascending' ? 1 : -1
        rows.sort(([a], [b]) => (a === null || b === null ? 1 : turn) * compare(a, b))
        body.append(...rows.map(([, row]) => row))
      })
    })
  }

  // Seeds: pointing shows one, a click keeps it until the next.
  const readout = document.getElementById('seed')
  let kept = null
  let shown = null
  const show = key => {
    if (key === shown) return
    shown = key
    for (const mark of all('.hot')) mark.classList.remove('hot')
    const marks = key === null ? [] : all(`[data-seed="${CSS.escape(key)}"]`)
    for (const mark of marks) mark.classList.add('hot')
    readout.hidden = marks.length === 0
    if (marks.length) readout.textContent = marks[0].querySelector('title').textContent
  }
  const keep = key => {
    kept = key === kept ? null : key
    document.body.classList.toggle('kept', kept !== null)
    show(kept)
  }
  const near = [[0, 0], [3, 0], [-3, 0], [0, 3], [0, -3], [3, 3], [-3, -3], [3, -3], [-3, 3]]
  const under = event => {
    for (const [x, y] of near) {
      const found = document.elementFromPoint(event.clientX + x, event.clientY + y)?.closest('[data-seed]')
      if (found) return found.dataset.seed
    }
    return null
  }
  for (const drawing of all('.drawing')) {
    drawing.addEventListener('pointermove', event => show(under(event) ?? kept))
    drawing.addEventListener('pointerleave', () => show(kept))
    drawing.addEventListener('click', event => keep(under(event)))
  }
  document.addEventListener('keydown', event => {
    if (event.key !== 'Escape') return
    keep(null)
  })

  // Seeds by the keyboard: up and down by value, left and right to the scales beside.
  const seedsIn = drawing => {
    const found = new Map()
    for (const mark of all('[data-seed]', drawing)) {
      const key = mark.dataset.seed
      const title = mark.querySelector('title').textContent
      const written = value(title.slice(title.lastIndexOf(': ') + 2))
      if (typeof written === 'number') found.set(key, { key, scale: parseInt(key), value: written })
    }
    return [...found.values()].sort((a, b) => a.scale - b.scale || a.value - b.value)
  }
  const beside = (seeds, from, step) => {
    const scales = [...new Set(seeds.map(seed => seed.scale))]
    const there = scales[scales.indexOf(from.scale) + step]
    const away = seed => Math.abs(seed.value - from.value)
    return seeds.filter(seed => seed.scale === there).sort((a, b) => away(a) - away(b))[0]
  }
  const moves = {
    ArrowUp: (seeds, at) => seeds[at + 1]?.scale === seeds[at].scale ? seeds[at + 1] : undefined,
    ArrowDown: (seeds, at) => seeds[at - 1]?.scale === seeds[at].scale ? seeds[at - 1] : undefined,
    ArrowRight: (seeds, at) => beside(seeds, seeds[at], 1),
    ArrowLeft: (seeds, at) => beside(seeds, seeds[at], -1),
    Home: seeds => seeds[0],
    End: seeds => seeds[seeds.length - 1],
  }
  for (const drawing of all('.drawing')) {
    const seeds = seedsIn(drawing)
    if (!seeds.length) continue
    drawing.setAttribute('role', 'application') // else a screen reader keeps the arrow keys for itself
    drawing.setAttribute('aria-description', 'Arrow keys go from seed to seed, Enter keeps one, Escape lets go.')
    drawing.addEventListener('keydown', event => {
      if (event.altKey || event.ctrlKey || event.metaKey) return
      const at = seeds.findIndex(seed => seed.key === shown)
      if (event.key === 'Enter' && at >= 0) keep(shown)
      else if (!moves[event.key]) return
      else if (at < 0 && event.key.startsWith('Arrow')) show(seeds[0].key)
      else show((moves[event.key](seeds, at) ?? seeds[at]).key)
      event.preventDefault()
    })
    drawing.addEventListener('blur', () => show(kept))
  }

  // A figure in its own size, where the page is narrower.
  for (const figure of all('figure')) {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'larger'
    button.textContent = 'larger'
    button.addEventListener('click', () => {
      button.textContent = figure.classList.toggle('large') ? 'fit' : 'larger'
    })
    figure.insertBefore(button, figure.querySelector('figcaption'))
  }

  // What is folded opens for a link into it, and for paper.
  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)))
    if (!target) return
    for (let part = target.closest('details'); part; part = part.parentElement.closest('details')) part.open = true
    target.scrollIntoView()
  }
  addEventListener('hashchange', open)
  open()
  let folded = []
  addEventListener('beforeprint', () => {
    folded = all('details:not([open])')
    for (const part of folded) part.open = true
  })
  addEventListener('afterprint', () => {
    for (const part of folded) part.open = false
  })
})()
