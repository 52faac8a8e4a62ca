/** A page of 200 × 100 points, its left half red. */
export const redPdf = (): Buffer => pdfOf(['1 0 0 rg 0 0 100 100 re f'])

/** Drawings inside drawings: ten times ten times … a billion rectangles in two KiB. */
export const endlessPdf = (): Buffer =>
  pdfOf([...Array.from({ length: 9 }, () => '/X Do '.repeat(10)), '0 0 9 9 re f'])

/** A PDF of one page; each drawing may use the next one as `/X`. */
function pdfOf(drawings: readonly string[]): Buffer {
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>',
    ...drawings.map(
      (drawing, n) =>
        `<< /Type /XObject /Subtype /Form /BBox [0 0 200 100] /Resources << /XObject << /X ${n + 5} 0 R >> >> ` +
        `/Length ${drawing.length} >>\nstream\n${drawing}\nendstream`,
    ),
  ]
  let pdf = '%PDF-1.4\n'
  const offsets = objects.map((object, index) => {
    const offset = pdf.length
    pdf += `${index + 1} 0 obj\n${object}\nendobj\n`
    return `${String(offset).padStart(10, '0')} 00000 n \n`
  })
  const xref = pdf.length
  const size = objects.length + 1
  pdf += `xref\n0 ${size}\n0000000000 65535 f \n${offsets.join('')}`
  return Buffer.from(`${pdf}trailer << /Size ${size} /Root 1 0 R >>\nstartxref\n${xref}\n%%EOF`)
}
