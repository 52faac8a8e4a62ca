/** Longer side of a thumbnail in pixels. A few sizes only, so that what is kept stays small. */
export const THUMBNAIL_SIZES = [64, 128, 256, 512, 1024] as const
