export default function Upsampling() {
  return null;
}
