export default function Skips() {
  return null;
}
